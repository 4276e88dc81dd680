"""How a report looks as a file: dark ink on white, on a screen and on paper."""

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { max-width: 920px; margin: 0 auto; padding: 32px 20px 64px; background: #fff; color: #1c1c1a; font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; font-variant-numeric: tabular-nums; }
h1 { margin: 0 0 4px; font-size: 26px; line-height: 1.2; letter-spacing: -0.015em; }
h2 { margin: 44px 0 12px; padding-bottom: 6px; border-bottom: 2px solid #1c1c1a; font-size: 20px; line-height: 1.3; }
h3 { margin: 30px 0 6px; font-size: 16px; line-height: 1.3; }
p { margin: 6px 0; max-width: 80ch; overflow-wrap: anywhere; }
a { color: #1f5fbf; }
.skip { position: absolute; left: -9999px; }
.skip:focus { position: static; }
.muted, caption, .facts dt { color: #62605b; }
.small { font-size: 13px; }
nav ol { margin: 0; padding: 0; list-style: none; columns: 2; column-gap: 32px; font-size: 14px; }
nav li { break-inside: avoid; }
nav ol ol { columns: 1; padding-left: 16px; }
.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 2px 16px; margin: 12px 0; font-size: 14px; }
.facts dt, .facts dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { width: 100%; margin: 10px 0; border-collapse: collapse; border-top: 1.5px solid #1c1c1a; border-bottom: 1.5px solid #1c1c1a; font-size: 13px; line-height: 1.35; }
caption { padding-bottom: 4px; font-size: 13px; text-align: left; }
th, td { padding: 3px 7px; text-align: left; vertical-align: top; }
thead th { color: #62605b; font-weight: 500; vertical-align: bottom; }
thead tr:last-child th { border-bottom: 1px solid #1c1c1a; }
tbody th { font-weight: 400; }
tbody tr + tr > * { border-top: 1px solid #e4e3df; }
.number { text-align: right; }
td.number { white-space: nowrap; }
.group { text-align: center; }
.published { color: #55534e; font-style: italic; }
.measured { font-weight: 600; }
code { font: 0.92em ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
figure { margin: 12px 0; }
figure svg { display: block; max-width: 100%; height: auto; }
.verdict { margin: 6px 0; font-size: 14px; font-weight: 600; }
.notes { margin: 10px 0; padding: 0; list-style: none; font-size: 14px; }
.notes li { max-width: 84ch; margin: 5px 0; padding-left: 12px; border-left: 3px solid #c9c7c1; overflow-wrap: anywhere; }
.notes li.grave { border-color: #b3261e; font-weight: 550; }
.claim { margin: 12px 0; padding: 10px 14px; border: 1px solid #c9c7c1; border-radius: 6px; }
.claim .facts { margin: 0; }
@media (max-width: 640px) {
  nav ol { columns: 1; }
  .facts { grid-template-columns: minmax(0, 1fr); gap: 0; }
  .facts dd { margin-bottom: 6px; }
}
@media print {
  @page { margin: 16mm 14mm; }
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  h1, h2, h3 { break-after: avoid; }
  section.chapter { break-before: page; }
  section.chapter:first-of-type { break-before: auto; }
  figure, tr, .claim, .notes li { break-inside: avoid; }
  thead { display: table-header-group; }
  .wide { overflow: visible; }
  a { color: inherit; text-decoration: none; }
  .skip { display: none; }
  table { font-size: 8pt; }
  th, td { padding: 2px 4px; }
}
"""
