/** The shapes that the API sends, as JSDoc types; holds no code.
 *
 * @typedef {"waiting"|"queued"|"running"|"cancelling"|"completed"|"failed"|"cancelled"} RunState
 * @typedef {{dataset: Object<string, any>, model: Object<string, any>, features: Object<string, any>|null, loss: Object<string, any>,
 *   optimizer: Object<string, any>, schedule: Object<string, any>, early_stopping: Object<string, any>, epochs: number, batch_size: number, eval_batch_size: number, seed: number}} Spec
 * @typedef {{epoch: number, epochs: number, step: number, steps: number,
 *   images_per_second: number|null, seconds_left: number|null}} Progress epoch counts from 1
 * @typedef {{doing: string, done: number, total: number}} Preparation what comes before the first epoch
 * @typedef {{run: number, name: string, state: RunState}} Relative a run that starts from this one
 * @typedef {Relative & {seed: number}} Sibling another run of the same recipe
 * @typedef {Relative & {changed: boolean}} Parent changed: its checkpoint is another than the one begun on
 * @typedef {{id: number, name: string|null, recipe: string, preset: string|null, size: "published"|"quick"|null,
 *   experiment: string|null, parent: Parent|null, spec: Spec, seed: number, state: RunState, reason: string|null, detail: string|null,
 *   attempt: number, losses: number, max_losses: number, retry_at: string|null, stale?: Stale|null, progress: Progress|Preparation|null,
 *   last: {epoch: number, metrics: Object<string, number|null>}|null, best_test_acc: number|null, best_epoch: number|null,
 *   checkpoint: {epoch: number, step: number}|null, curve: [number, number|null][], ahead: number|null, created_at: string, started_at: string|null,
 *   finished_at: string|null, seconds: number|null, told_at: string, findings: Mark[]}} Run seconds in training, up to told_at
 * @typedef {{rule: string, title: string, severity: "sick"|"note", epoch: number}} Mark that a rule of findings holds of a run, from an epoch on
 * @typedef {{heard_at: string, until: string}} Stale of a run in training that is not heard of: since when, and when it is taken back
 * @typedef {{epochs: number[], values: (number|null)[], nonfinite: Object<string, string>}} Series
 * @typedef {{number: number, worker: string, started_at: string|null, ended_at: string|null, reason: string|null,
 *   detail: string|null, resumed_from_epoch: number|null, resumed_from_step: number|null, environment: Object<string, any>|null, has_points: boolean}} Attempt
 * @typedef {{line: number, at: string, text: string}} LogLine
 * @typedef {{name: string, title: string, section: string, about: string, corrects: string|null, pretraining: boolean, faithful: Faithful|null,
 *   starts_from: string|null, sizes: {published: Spec, quick: Spec}}} Preset
 * @typedef {{says: string[], open: {what: string, chose: string, why: string}[]}} Faithful what the report says of a preset, and leaves open
 * @typedef {{name: string, title: string, hash: string|null, train_count: number, test_count: number,
 *   pixels: number, builtin: boolean}} Dataset
 * @typedef {{id: string, state: "idle"|"busy"|"draining"|"drained"|"leaving"|"stale"|"lost", takes_runs: boolean, last_seen: string|null}} Worker
 * @typedef {{kind: "state"|"epoch"|"rewind"|"findings"|"progress"|"log", data: any, position: number|null}} LiveEvent
 *   position: place in the stream of stored events; null for what is never stored (progress, log)
 */
export {};
