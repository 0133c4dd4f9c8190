/** The style sheet of the HTML pages: system fonts, light and dark, tables that scroll on a narrow screen. */
export const style = `
:root { color-scheme: light dark; --ink: #1c1c1c; --faint: #5a5a5a; --page: #f6f6f4; --line: #d8d8d4;
  --alarm: #fbdcd3; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e6; --faint: #a8a8a4; --page: #18191b; --line: #3a3b3e;
    --alarm: #5c2013; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 1.5rem 1rem 4rem; background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
header, main { max-width: 60rem; margin: 0 auto; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
header p, figcaption { color: var(--faint); }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; }
figure { margin: 0; }
figure svg { display: block; height: auto; background: #fff; border: 1px solid var(--line); border-radius: 6px; }
figure svg text { font-family: "DejaVu Sans", Verdana, sans-serif; }
figcaption { max-width: 46rem; margin-top: .5rem; font-size: .95rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .75rem; text-align: left; white-space: nowrap; border-bottom: 1px solid var(--line);
  vertical-align: top; }
.number { text-align: right; }
.wrapped { white-space: pre-line; min-width: 11rem; }
.marked { background: var(--alarm); font-weight: bold; }
.summary { font-size: 1.1rem; margin: 1rem 0 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; }
dt { color: var(--faint); }
dd { margin: 0; overflow-wrap: anywhere; }
pre { overflow-x: auto; padding: 1rem; border: 1px solid var(--line); border-radius: 6px; font-size: .85rem; }
summary { cursor: pointer; }
@media print { details { display: block; } figure, tr { break-inside: avoid; } }
`;
