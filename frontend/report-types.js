/** The shape of a report's view, as JSDoc types; holds no code. Accuracies are fractions, losses nats.
 *
 * @typedef {{id: number, state: import("./types.js").RunState, name?: string, reason?: string|null, detail?: string|null,
 *   attempt?: number, epoch?: number|null, epochs?: number, progress?: any}} BriefRun
 * @typedef {{name: string, title: string, about?: string, ready?: boolean, help?: string|null}} Choice
 * @typedef {{size: string, dataset: string, pretraining: string, seed: number, seeds: number[],
 *   choices: {sizes: Choice[], datasets: Choice[], pretraining: Choice[]}}} Variant
 * @typedef {{runs: number, states: Object<string, number>, missing: number, run_ids: number[], estimate_seconds: number|null,
 *   device: string, workers: number, budget_seconds: number|null, seconds: number|null, confirmation: string|null, problem: string|null, summary: string}} Standing
 *   problem: why this variant cannot be run as things are
 * @typedef {Object<string, number|null>} Values by metric
 * @typedef {"not run yet"|"protocol differs"|"not enough seeds"|"not a number"|"reproduced"|"below"|"better"} Outcome
 * @typedef {{n: number, kind: "none"|"not a number"|"one"|"wilson"|"two"|"t", mean: number|null, half: number|null,
 *   low: number|null, high: number|null, values: number[]|null}} Cell over the seeds that count; half: of the mean's interval
 * @typedef {{published: number, delta: number|null, outcome: Outcome, text: string}} Judged delta in points, of a loss in nats
 * @typedef {{epoch: number, published: Values, measured: Values|null, nonfinite: Object<string, string>,
 *   delta_points: number|null, cells: Object<string, Cell>, judged: Object<string, Judged|null>[]}} Row judged: by reference, then metric
 * @typedef {{recipe: string, title: string, clone: number, seeds: number[]}} SeedLaunch a clone with seeds that its recipe lacks
 * @typedef {{name: string, title: string, tolerance_points: number, table: string|null, there: boolean,
 *   protocol: {field: string, published: string, here: string}[], verdict: Judged|null, outcomes: Object<string, number>}} Beside a reference beside an experiment
 * @typedef {{n: number, runs: number[], run_ids: number[], left_out: string|null, add: SeedLaunch|null}} Seeds run_ids: every run of the recipe
 * @typedef {{name: string, title: string, tolerance_points: number, own_tolerance_points: number}} ShownReference
 * @typedef {{shown: ShownReference[], there: {name: string, title: string}[], most: number}} ReferenceChoice
 * @typedef {{kind: string, text: string}} Note
 * @typedef {{title: string, preset: string, run: BriefRun|null, last: Values|null, best_test_acc: number|null, text: string}} Twin
 * @typedef {{kind: "experiment", id: string, title: string, preset: string, about: string,
 *   faithful: import("./types.js").Faithful|null, run: BriefRun|null, recipe: string,
 *   parents: {title: string, run: BriefRun|null, about: string}[], start: string,
 *   hyper: {name: string, published: string|null, here: string}[], changed: {path: string, before: string, after: string}[],
 *   protocol: {field: string, published: string, here: string}[], columns: string[], rows: Row[], notes: Note[],
 *   figure: {data: any[], layout: any}, twin: Twin|null, output: string|null, notebook: string|null,
 *   verdict: string|null, interval: any, references: Beside[], seeds: Seeds}} Experiment
 * @typedef {{kind: "text", id?: string, title?: string, text: string}} TextBlock
 * @typedef {{arch: string, title: string, path: string, before: string, after: string, sections: string[]}} Change
 * @typedef {{kind: "changes", id: string, title: string, text: string, rows: Change[]}} Changes
 * @typedef {{text: string, p: number|null}} Test
 * @typedef {{stated: string, published: string, remark: string|null, measured: string, otherwise: string|null, note: string|null, run_ids: number[],
 *   tests: {models: Test & {table: Object<string, number>|null}, recipes: Test, more: {kind: string, further: number|null, text: string, launches: SeedLaunch[]}}}} Compared
 * @typedef {{kind: "comparison", id: string, title: string, items: Compared[]}} Comparison
 * @typedef {{run: BriefRun|null, train_loss: number|null, test_acc: number|null,
 *   largest_share: number|null, collapsed: boolean|null}} SweepCell
 * @typedef {{node: string, shape: number[]|null, dimension: number|null, published: SweepCell, corrected: SweepCell,
 *   mean_square_norm: number|null, lr: number, reason: string}} SweepRow
 * @typedef {{kind: "sweep", id: string, title: string, text: string, rows: SweepRow[]}} Sweep
 * @typedef {{kind: "references", items: {label: string, text: string, url: string|null}[]}} References
 * @typedef {TextBlock|Changes|Experiment|Comparison|Sweep|References} Block
 * @typedef {{id: string, title: string, blocks: Block[]}} Section
 * @typedef {{name: string, title: string, about: string, cursor: string, variant: Variant, references: ReferenceChoice, standing: Standing,
 *   sections: Section[]}} View
 */
export {};
