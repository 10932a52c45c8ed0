/** The report's style sheet: light and dark, phone to print. Blue and orange stay apart for every kind of colour blindness. */

export const STYLE: string = /* css */ `
:root {
  color-scheme: light dark;
  --page: #f5f6f8; --paper: #fff; --ink: #1c2228; --soft: #57606a; --line: #d9dee3; --tint: #eef1f4;
  --train: #0067a8; --validation: #c2500a; --other: #6b7280;
  --hit: #79b6e3; --miss: #f3a469; --good: #0a6b4f; --bad: #b42318;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0e1116; --paper: #161a20; --ink: #e4e8ec; --soft: #9aa4af; --line: #30363e; --tint: #1f252c;
    --train: #5ab4ea; --validation: #f0a03c; --other: #9aa4af;
    --hit: #1f6394; --miss: #97490f; --good: #4cc38a; --bad: #ff8a7a;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: clamp(1rem, 4vw, 2.5rem) clamp(.75rem, 3vw, 2rem); }
header, section { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: clamp(1rem, 3vw, 1.75rem); margin: 0 0 1rem; min-width: 0; }
h1 { font-size: clamp(1.35rem, 4.2vw, 2.1rem); line-height: 1.2; font-weight: 500; margin: 0 0 .75rem; text-wrap: balance; }
h1 b { font-weight: 700; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 .75rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .4rem; }
.columns h3 { margin-top: 0; }
p { margin: 0 0 .75rem; }
:is(header, section) > :last-child, section > :last-child > :last-child { margin-bottom: 0; }
p, li, dd, th, h1, summary { overflow-wrap: break-word; }
.term { cursor: help; text-decoration: underline dotted; text-decoration-thickness: 1px; text-underline-offset: .2em; border-radius: 2px; }
.term:is(:hover, :focus)::after { content: attr(data-meaning); box-sizing: border-box; position: absolute; z-index: 4; top: calc(100% + .3rem); left: 0; width: max-content; max-width: min(100%, 26rem); padding: .5rem .75rem; border: 1px solid var(--line); border-radius: 6px; background: var(--paper); color: var(--ink); box-shadow: 0 2px 10px #0003; font: .9rem/1.4 system-ui, sans-serif; text-align: left; white-space: normal; }
:is(p, li, .figures, .facts div):has(> .term, > :is(dt, div) .term) { position: relative; }
.eyebrow { color: var(--soft); margin: 0 0 .25rem; }
.lead { max-width: 48rem; font-size: 1.05rem; }
.context { margin: 0; padding: 0 0 0 1.1rem; color: var(--soft); max-width: 48rem; }
.context b { color: var(--ink); }
.soft { color: var(--soft); }
.soft b { color: var(--ink); }
.block { display: block; }
small { color: var(--soft); font-size: .8rem; }
nav { margin: 0 0 1rem; display: flex; flex-wrap: wrap; gap: .25rem 1rem; padding: 0 .25rem; }
a { color: var(--train); }
:focus-visible { outline: 3px solid var(--validation); outline-offset: 2px; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(clamp(8rem, 20vw, 12rem), 1fr)); gap: 1rem 1.25rem; margin: 0 0 1rem; background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: 1rem clamp(1rem, 3vw, 1.75rem); }
.figures dt { color: var(--soft); font-size: .85rem; }
.figures dd { margin: 0; font-size: 1.3rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.figures small { display: block; font-weight: 400; line-height: 1.3; }

.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1.5rem 2rem; margin-bottom: 1rem; }
figure { margin: 0; min-width: 0; }
.chart { display: flex; flex-direction: column; }
.chart figcaption { font-weight: 600; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .1rem 1rem; margin: .1rem 0 2rem; padding: 0; font-size: .85rem; color: var(--soft); }
.swatch { display: inline-block; width: 1.3rem; height: 0; border-top: 3px solid currentColor; vertical-align: .25em; margin-right: .4rem; }
.swatch.train, .tip .train { color: var(--train); }
.swatch.validation, .tip .validation { color: var(--validation); }
.swatch.other, .tip .other { color: var(--other); border-top-style: dashed; }
.swatch.trace { color: var(--train); opacity: .4; border-top-width: 1px; }
.swatch.rest { color: var(--line); border-top-width: .7rem; vertical-align: 0; }
.split-legend .swatch.train { border-top-width: .7rem; vertical-align: 0; }
.ring { display: inline-block; width: .8rem; height: .8rem; border: 2px solid var(--ink); border-radius: 50%; vertical-align: -.1em; margin-right: .35rem; }
.ring.at { position: absolute; margin: -.4rem 0 0 -.4rem; pointer-events: none; }
.plot { position: relative; height: clamp(11rem, 34vw, 16rem); margin: auto .6rem 1.6rem 3.2rem; border-bottom: 1px solid var(--soft); touch-action: pan-y; }
.plot svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; pointer-events: none; }
.plot path { fill: none; stroke: currentColor; stroke-width: 2; vector-effect: non-scaling-stroke; stroke-linejoin: round; stroke-linecap: round; }
.plot .grid { color: var(--line); stroke-width: 1; }
.plot path.trace { color: var(--train); stroke-width: 1; opacity: .4; }
.plot .line.train, .plot .dots.train { color: var(--train); }
.plot .line.validation, .plot .dots.validation { color: var(--validation); }
.plot .line.other, .plot .dots.other { color: var(--other); }
.plot .line.other { stroke-dasharray: 5 5; }
.plot .dots { stroke-width: 6; }
.plot .x, .plot .y { position: absolute; color: var(--soft); font-size: .78rem; line-height: 1; white-space: nowrap; font-variant-numeric: tabular-nums; }
.plot .y { right: 100%; margin: -.5em .5rem 0 0; }
.plot .x { top: 100%; transform: translateX(-50%); margin-top: .5rem; }
.axis { text-align: center; font-size: .78rem; color: var(--soft); margin: -.4rem 0 0; }
.phase { position: absolute; top: -1.35rem; bottom: 0; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; font-size: .78rem; line-height: 1.35rem; color: var(--soft); padding: 0 .3rem; }
.phase.next { border-left: 1px dashed var(--soft); }
.rule { position: absolute; top: 0; bottom: 0; border-left: 1px solid var(--ink); pointer-events: none; }
.tip { position: absolute; top: .25rem; z-index: 3; background: var(--paper); border: 1px solid var(--line); border-radius: 6px; box-shadow: 0 2px 10px #0003; padding: .35rem .6rem; font-size: .82rem; white-space: nowrap; pointer-events: none; font-variant-numeric: tabular-nums; }
.tip b { display: block; }
.tip span { display: block; }

table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); font-size: .85rem; padding: 0 0 .5rem; caption-side: top; }
th, td { padding: .35rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { font-size: .85rem; color: var(--soft); font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 500; }
tfoot th, tfoot td { font-weight: 600; border-bottom: 0; }
.number { text-align: right; white-space: nowrap; }
/* The edge fades out while there is more to the right. */
@property --fade { syntax: "<length>"; inherits: false; initial-value: 0px; }
@keyframes more { from, 95% { --fade: 3rem; } to { --fade: 0px; } }
.scroll { overflow: auto; max-width: 100%; -webkit-overflow-scrolling: touch; mask-image: linear-gradient(to left, #0003, #000 var(--fade)); animation: more linear; animation-timeline: scroll(self inline); }
.scroll:focus-visible { outline-offset: -3px; }
.scroll table { width: 100%; }
.epochs, .classes { max-height: 48rem; }
.skipped { max-height: 20rem; margin-bottom: .75rem; }
thead .number { white-space: normal; }
.epochs td:not(.number) { min-width: 9rem; }
.epochs thead th, .classes thead th, .skipped thead th { position: sticky; top: 0; background: var(--paper); box-shadow: inset 0 -1px var(--line); z-index: 1; }
.classes tfoot th, .classes tfoot td { position: sticky; bottom: 0; background-color: var(--paper); box-shadow: inset 0 1px var(--line); }
.classes tbody th, .classes tfoot th, .classes thead th:first-child { position: sticky; left: 0; background: var(--paper); z-index: 1; }
.classes thead th:first-child, .classes tfoot th { z-index: 2; }
.classes tbody th { max-width: 14rem; }
.classes th small { display: block; font-weight: 400; }
.classes { container: scores / inline-size; }
.skipped table { table-layout: fixed; }
.skipped th { overflow-wrap: anywhere; font-weight: 400; }
.bar { background: linear-gradient(to right, var(--hit) var(--share), var(--tint) 0) right .6rem top calc(.35rem + 1.5em) / 5rem .25rem no-repeat; min-width: 6.2rem; padding-bottom: .6rem; }
.sortable thead button { all: unset; cursor: pointer; }
.sortable thead button:focus-visible { outline: 3px solid var(--validation); }
.sortable thead button::after { content: " ↕"; opacity: .45; }
.sortable [aria-sort=ascending] button::after { content: " ↑"; opacity: 1; }
.sortable [aria-sort=descending] button::after { content: " ↓"; opacity: 1; }

.confusion { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; }
.confusion > .table { max-width: 100%; }
.confusion > :last-child { flex: 1 1 14rem; min-width: 0; }
.confusion h3:first-child { margin-top: 0; }
.matrix { --cell: max(clamp(2.1rem, 7vw, 2.8rem), var(--digits) * .62em + .6em); --slant: calc(min(var(--letters), 20) * .58em + .8em); max-height: min(80vh, 46rem); }
.matrix.small { --cell: max(1.8rem, var(--digits) * .6em + .4em); font-size: .85rem; }
.matrix.tiny { --cell: max(1.45rem, var(--digits) * .6em + .3em); font-size: .72rem; }
.matrix table { width: auto; table-layout: fixed; border-collapse: separate; border-spacing: 1px; padding-right: calc(var(--reach) * .36em + .3em); }
.matrix caption, .classes caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); padding: 0; }
.matrix th, .matrix td { border: 0; padding: 0; font-weight: 500; }
.matrix td { text-align: center; vertical-align: middle; width: var(--cell); min-width: var(--cell); height: var(--cell); background: var(--tint); }
.matrix td.hit { background: color-mix(in srgb, var(--hit) calc(15% + .85 * var(--share)), var(--tint)); }
.matrix td.miss { background: color-mix(in srgb, var(--miss) calc(40% + .6 * var(--share)), var(--tint)); }
.matrix td.none { color: var(--soft); opacity: .75; }
.matrix td.hit { font-weight: 700; }
.matrix td:focus-visible { outline-offset: -2px; }
.matrix thead { position: sticky; top: 0; background: var(--paper); z-index: 2; }
.matrix thead th { position: relative; width: var(--cell); height: calc(var(--slant) * .85 + .6em); color: var(--ink); font-size: inherit; }
.matrix thead th:not(.corner) span { position: absolute; left: calc(var(--cell) / 2); bottom: .3em; max-width: calc(var(--slant) + .5em); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; line-height: 1.2; transform: translateY(.1em) rotate(-52deg); transform-origin: left bottom; }
.matrix tbody th, .matrix .corner { position: sticky; left: 0; background: var(--paper); text-align: right; vertical-align: middle; padding-right: .5em; z-index: 1; }
.matrix .corner { width: auto; color: var(--soft); font-size: .75rem; vertical-align: bottom; font-weight: 400; white-space: nowrap; padding-bottom: .3em; }
.matrix tbody th span { display: block; max-width: clamp(5.5rem, 22vw, 12rem); margin-left: auto; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.readout { display: block; font-size: .9rem; color: var(--soft); min-height: 4.7em; }
.pairs { margin: 0 0 .75rem; padding-left: 1.4rem; columns: 20rem; column-gap: 2rem; }

.gallery { list-style: none; padding: 0; margin: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 9.5rem), 1fr)); gap: 1.25rem 1rem; }
.gallery img, .missing { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; background: var(--tint); border-radius: 6px; margin-bottom: .4rem; }
.missing { display: grid; place-items: center; color: var(--soft); font-size: .85rem; }
.gallery figcaption { font-size: .88rem; line-height: 1.4; }
.gallery figcaption > span { display: block; overflow-wrap: break-word; }
.gallery .wrong { color: var(--validation); }
.gallery .path { color: var(--soft); }
.gallery .path, .gallery .path + span { font-size: .8rem; }

.proof { border-left: 4px solid; padding: .5rem .9rem; background: var(--tint); border-radius: 0 6px 6px 0; }
.proof b { display: block; }
.intact { border-color: var(--good); }
.intact b { color: var(--good); }
.broken { border-color: var(--bad); }
.broken b { color: var(--bad); }
.split { height: .7rem; border-radius: 3px; background: var(--line); overflow: hidden; margin: 1rem 0 .4rem; }
.split i { display: block; height: 100%; width: var(--share); background: var(--train); }
.split-legend { display: flex; flex-wrap: wrap; gap: 0 1.5rem; font-size: .9rem; }
.command span { white-space: nowrap; }
.digest, code, pre { font: .84em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.digest { overflow-wrap: anywhere; font-size: .78em; }
dd .digest { display: block; color: var(--soft); }
.names code { display: inline-block; margin-right: .5rem; overflow-wrap: anywhere; }
.facts { margin: 0; }
.facts div { display: grid; grid-template-columns: minmax(7rem, 10rem) minmax(0, 1fr); gap: .75rem; padding: .3rem 0; border-bottom: 1px solid var(--line); }
.facts dt { color: var(--soft); overflow-wrap: anywhere; }
.facts dd { margin: 0; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1.5rem 2.5rem; }
.timing { width: 100%; max-width: 34rem; margin-bottom: .75rem; }
details { margin-top: .75rem; }
summary { cursor: pointer; color: var(--train); }
details > div, details > p { margin-top: .5rem; }
.command { position: relative; margin-bottom: .75rem; }
pre { margin: 0; padding: .8rem 1rem; background: var(--tint); border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; }
.command button { position: absolute; top: .4rem; right: .4rem; font: inherit; font-size: .8rem; padding: .15rem .6rem; border: 1px solid var(--line); border-radius: 5px; background: var(--paper); color: var(--ink); cursor: pointer; }
.command:has(button) pre { padding-right: 5rem; }
footer { color: var(--soft); font-size: .85rem; padding: 0 .25rem; }
html:not(.scripted) .script { display: none; }
@media (max-width: 30rem) {
  .facts div { grid-template-columns: minmax(0, 1fr); gap: 0; }
  .facts dt { font-size: .85rem; }
  th, td { padding: .3rem .4rem; }
  .skipped thead { display: none; }
  .skipped :is(tbody, tr, th, td) { display: block; }
  .skipped th { border-bottom: 0; padding-bottom: 0; font-weight: 600; }
}
/* Where the scores have little room: on phones, in the page's columns. */
@container scores (max-width: 36rem) {
  .classes table { font-size: .82rem; }
  .classes thead th { font-size: .78rem; }
  .classes small { font-size: .75rem; line-height: 1.3; }
  .classes :is(th, td) { padding: .3rem .15rem .4rem; }
  .classes tbody th { max-width: 6rem; overflow-wrap: anywhere; }
  .classes .bar { min-width: 3.4rem; background-size: 3.2rem .25rem; background-position: right .15rem top calc(.3rem + 1.5em); padding-bottom: .6rem; }
  .classes th:not([aria-sort]) button::after { content: none; }
}
@media print {
  :root { --page: #fff; --paper: #fff; --ink: #000; --soft: #444; --line: #ccc; --tint: #f2f2f2; --train: #0067a8; --validation: #c2500a; --other: #6b7280; --hit: #79b6e3; --miss: #f3a469; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  header, section { border: 0; padding: 0 0 6mm; }
  nav, .script, details:not([open]) { display: none !important; }
  .sortable thead button::after { content: none; }
  .term { text-decoration: none; }
  .classes table, .epochs table { font-size: 8.5pt; }
  .scroll { overflow: visible; max-height: none; mask-image: none; }
  .scroll thead, .scroll th, .scroll td { position: static !important; }
  .matrix thead th { position: relative !important; }
  .matrix.small { zoom: .6; }
  .matrix.tiny { zoom: .24; }
  tr, figure, .figures div, .proof { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
`;
