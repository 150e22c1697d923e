// Style and script of the report, inline in its one file. Colours are Okabe and Ito's, safe for the common colour-blindnesses; dashes and
// marks tell the lines apart without colour. The script only adds: without it all charts, samples and tables are there.

export const reportStyle = `
:root { color-scheme: light dark; --paper: #fff; --panel: #f7f7f5; --ink: #1b1b1b; --soft: #5a5a5a; --edge: #dcdcd8; --grid: #ebebe7;
  --train: #0072b2; --validation: #d55e00; --rate: #009e73; --norm: #cc79a7; --bad: #b00020;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #cc79a7; --c4: #a87400; --c5: #4d4d4d; }
@media (prefers-color-scheme: dark) { :root { --paper: #131518; --panel: #1b1e22; --ink: #e9e9e6; --soft: #a6abb1; --edge: #363b42; --grid: #262a2f;
  --train: #56b4e9; --validation: #e69f00; --rate: #2bc79a; --norm: #e2a3cb; --bad: #ff8a93;
  --c0: #56b4e9; --c1: #e69f00; --c2: #2bc79a; --c3: #e2a3cb; --c4: #f0e442; --c5: #c8c8c8; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 16px 48px; max-width: 1040px; background: var(--paper); color: var(--ink); font: 14px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 22px; font-weight: 600; overflow-wrap: anywhere; }
h2 { margin: 0; font-size: 15px; font-weight: 600; }
p { margin: 4px 0; max-width: 68ch; }
.soft, figcaption, dt, th { color: var(--soft); font-weight: 400; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(132px, 1fr)); margin: 16px 0 24px; background: var(--panel); border: 1px solid var(--edge); border-radius: 4px; overflow: hidden; }
.figures div { padding: 8px 12px; box-shadow: 1px 1px 0 var(--edge); }
.figures dt { font-size: 12px; }
.figures dd { margin: 0; font-size: 18px; font-weight: 600; font-variant-numeric: tabular-nums; }
.figures div:first-child dd { font-size: 24px; line-height: 27px; }
section { margin: 24px 0; }
.head { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap: 4px 16px; }
figure { margin: 12px 0 0; }
figcaption { font-size: 12px; }
.plot { position: relative; margin: 8px 120px 0 48px; border: solid var(--edge); border-width: 0 0 1px 1px; touch-action: pan-y; cursor: crosshair; font: 12px/16px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-variant-numeric: tabular-nums; }
.plot.loss { height: 340px; }
.plot.small { height: 84px; }
.plot > svg { display: block; width: 100%; height: 100%; overflow: visible; }
.plot path { fill: none; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
.plot .grid { stroke: var(--grid); }
.plot .reference { stroke: var(--soft); stroke-dasharray: 2 4; }
.raw { stroke: var(--train); stroke-width: 1px; opacity: .35; }
.average { stroke: var(--train); stroke-width: 2px; }
.validation { stroke: var(--validation); stroke-width: 2px; stroke-dasharray: 6 4; }
.averaged { stroke: var(--validation); stroke-width: 1px; }
.rate { stroke: var(--rate); stroke-width: 1.5px; }
.norm { stroke: var(--norm); stroke-width: 1px; }
.c0 { --line: var(--c0); } .c1 { --line: var(--c1); } .c2 { --line: var(--c2); } .c3 { --line: var(--c3); } .c4 { --line: var(--c4); } .c5 { --line: var(--c5); }
.d0 { --dash: none; } .d1 { --dash: 7 3; } .d2 { --dash: 3 2; } .d3 { --dash: 9 2 2 2; } .d4 { --dash: 14 4; } .d5 { --dash: 5 2 1 2 1 2; }
path[class*=" c"] { stroke: var(--line); stroke-dasharray: var(--dash); }
.several .validation { stroke-width: 2.5px; }
.several .average, .several .rate, .several .norm, .several .averaged { stroke-width: 1.2px; }
.swatch { width: 28px; height: 8px; margin-right: 6px; vertical-align: middle; fill: none; }
.swatch path { stroke-width: 2.5px; }
.plot .mark { stroke-width: 7px; stroke-linecap: round; stroke-dasharray: none; }
.several .plot .mark { stroke-width: 5px; }
.plot .averaged.mark, .several .plot .averaged.mark { stroke-width: 4px; }
.plot span { position: absolute; white-space: nowrap; }
.y { right: 100%; padding-right: 8px; transform: translateY(-50%); color: var(--soft); }
.x { top: 100%; padding-top: 8px; transform: translateX(-50%); color: var(--soft); }
.x.first { transform: none; } .x.last { transform: translateX(-100%); }
.name { padding: 0 4px; transform: translateY(-100%); color: var(--soft); background: color-mix(in srgb, var(--paper) 75%, transparent); }
.name.left { left: 8px; } .name.right { right: 8px; } .name.below { transform: none; }
.end { left: 100%; padding-left: 8px; transform: translateY(-50%); line-height: 16px; white-space: normal !important; width: 120px; }
.end b { display: block; font-weight: 600; }
.key { display: inline-block; width: 14px; height: 0; margin-right: 4px; vertical-align: middle; border-top: 2px solid var(--train); }
.key.averaged { border-top: 1px solid var(--validation); }
.key.validation { border-top: 2px dashed var(--validation); }
.event { position: absolute; top: 100%; width: 9px; height: 6px; margin-left: -4px; background: linear-gradient(var(--soft), var(--soft)) center / 1px 100% no-repeat; }
.broken { position: absolute; top: -8px; margin-left: -4px; color: var(--bad); }
.spike { position: absolute; width: 3px; height: 12px; margin: -12px 0 0 -1px; background: var(--line, var(--train)); }
.cursor { position: absolute; top: 0; bottom: 0; width: 1px; background: var(--ink); opacity: .6; pointer-events: none; }
.steps { padding-bottom: 28px; }
#log:not(:checked) ~ .logarithmic, #log:checked ~ .linear { display: none; }
#log ~ label { font-size: 13px; }
.readout { display: block; min-height: 24px; font: 13px/24px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-variant-numeric: tabular-nums; }
input[type=range] { width: 100%; accent-color: var(--train); margin: 4px 0; min-height: 24px; }
.scrub { display: block; margin: 12px 120px 0 48px; font-size: 12px; color: var(--soft); }
pre { margin: 8px 0 0; padding: 12px 16px; background: var(--panel); border: 1px solid var(--edge); border-radius: 4px; font: 13px/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.samples { list-style: none; margin: 0; padding: 0; }
.samples li { margin-top: 12px; }
h3 { margin: 0; font-size: 13px; }
.one li:not(.chosen) { display: none; }
table { border-collapse: collapse; margin-top: 8px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 16px 4px 0; border-bottom: 1px solid var(--grid); text-align: left; vertical-align: top; overflow-wrap: anywhere; }
.numbers th, .numbers td { text-align: right; }
.columns th + th, .columns td, .reading td, .reading th:not(:first-child) { min-width: 96px; }
.reading th, .reading td, .columns th, .columns td { vertical-align: baseline; }
.reading thead th { overflow-wrap: normal; }
.columns thead th { max-width: 200px; }
.several .end { white-space: nowrap !important; overflow: hidden; text-overflow: ellipsis; }
.columns th:first-child { min-width: 104px; overflow-wrap: break-word; }
.reading th:first-child { min-width: 88px; max-width: 300px; overflow-wrap: break-word; }
.reading tbody th { padding-right: 8px; }
.reading tbody th span, .columns thead th span { color: var(--ink); }
.scroll + .readout { font-size: 12px; }
td { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.scroll { overflow-x: auto; }
summary { cursor: pointer; min-height: 24px; }
.written { margin-top: 8px; }
footer { margin-top: 32px; padding-top: 8px; border-top: 1px solid var(--edge); font-size: 12px; color: var(--soft); overflow-wrap: anywhere; }
.legend { display: none; font-size: 12px; }
@media (max-width: 640px) { .swatch { width: 18px; } .columns th + th, .columns td, .reading td, .reading th:not(:first-child) { min-width: 72px; } th, td { padding-right: 10px; } .plot, .scrub { margin-right: 8px; } .end { display: none; } .legend { display: block; } .plot.loss { height: 260px; } .x:not(.first):not(.last) { display: none; } }
@media print { .scrub, #log, #log ~ label { display: none; } }
`;

export const reportScript = `
'use strict';
(() => {
  const { runs } = JSON.parse(document.getElementById('data').textContent);
  const plots = [...document.querySelectorAll('.plot')];
  const readout = document.querySelector('.readout');
  const rows = [...document.querySelectorAll('.reading tbody tr')];
  const scrub = document.getElementById('scrub');
  const axis = [...new Set(runs.flatMap((run) => run.step))].sort((a, b) => a - b);
  const number = (value, digits) => value === null || value === undefined ? 'not a number' : Math.abs(value) < 1e-4 && value !== 0 ? value.toExponential(2) : String(Number(value.toPrecision(digits)));
  const lossText = (value) => value === null || Math.abs(value) >= 100 ? number(value, 4) : value.toFixed(3);
  const whole = (value) => Math.round(value || 0).toLocaleString('en');
  const nearest = (list, step) => {
    let low = 0, high = list.length - 1;
    while (high - low > 1) { const middle = (low + high) >> 1; if (list[middle] < step) low = middle; else high = middle; }
    return Math.abs(list[high] - step) < Math.abs(list[low] - step) ? high : low;
  };
  /* An evaluation's loss at a step or before it, with the step where that is another. */
  const evaluated = (steps, losses, at, text) => {
    const before = steps.filter((each) => each <= at).length - 1;
    return before < 0 ? undefined : text(losses[before]) + (steps[before] === at ? '' : ' at ' + whole(steps[before]));
  };
  const spikes = (run, at) => run.spikes.filter(([step]) => step === at).map(([, text]) => text);
  const tellOne = (run, at) => {
    const i = nearest(run.step, at);
    const parts = ['step ' + whole(at), 'loss ' + number(run.loss[i], 4) + ' (average ' + number(run.average[i], 4) + ')'];
    const validation = evaluated(run.evalStep, run.evalLoss, at, (loss) => number(loss, 4));
    if (validation !== undefined) parts.push('validation ' + validation);
    const averaged = evaluated(run.averagedStep, run.averagedLoss, at, (loss) => number(loss, 4));
    if (averaged !== undefined) parts.push('averaged weights ' + averaged);
    parts.push('learning rate ' + number(run.rate[i], 3), 'gradient norm ' + number(run.norm[i], 3), whole(run.speed[i]) + ' tokens/s', ...spikes(run, at));
    return parts.join(' \\u00b7 ');
  };
  const tellRow = (run, cells, at) => {
    const inside = run.step.length > 0 && at >= run.step[0] && at <= run.step[run.step.length - 1];
    const i = inside ? nearest(run.step, at) : 0;
    const texts = inside
      ? [lossText(run.average[i]), evaluated(run.evalStep, run.evalLoss, at, lossText) ?? '-', number(run.rate[i], 3), number(run.norm[i], 3), whole(run.speed[i])]
      : [run.step.length && at > run.step[0] ? 'ended' : '-', '-', '-', '-', '-'];
    texts.forEach((text, j) => { cells[j].textContent = text; });
  };
  const show = (step) => {
    const index = nearest(axis, step);
    const at = axis[index];
    for (const plot of plots) {
      const cursor = plot.querySelector('.cursor');
      const from = Number(plot.dataset.from), to = Number(plot.dataset.to);
      cursor.style.left = ((at - from) / (to - from)) * 100 + '%';
      cursor.hidden = false;
    }
    if (runs.length > 1) {
      rows.forEach((row, r) => tellRow(runs[r], row.querySelectorAll('td'), at));
      const names = rows.map((row) => row.querySelector('th').textContent);
      const found = runs.flatMap((run, r) => spikes(run, at).map((text) => names[r] + ': ' + text));
      readout.textContent = ['at step ' + whole(at), ...found].join(' \\u00b7 ');
    } else readout.textContent = tellOne(runs[0], at);
    scrub.value = String(index);
    scrub.setAttribute('aria-valuetext', readout.textContent);
  };
  if (axis.length) {
    const hint = 'point at a curve, or move the slider below, to read a step';
    readout.textContent = runs.length > 1 ? 'each run at its last step; ' + hint : hint;
    scrub.max = String(axis.length - 1);
    scrub.closest('label').hidden = false;
    scrub.addEventListener('input', () => show(axis[Number(scrub.value)]));
    for (const plot of plots) {
      plot.addEventListener('pointermove', (event) => {
        const box = plot.getBoundingClientRect();
        const from = Number(plot.dataset.from), to = Number(plot.dataset.to);
        show(from + (Math.min(1, Math.max(0, (event.clientX - box.left) / box.width))) * (to - from));
      });
    }
  }
  for (const written of document.querySelectorAll('.written')) {
    const items = [...written.querySelectorAll('li')];
    if (items.length < 2) continue;
    const slider = written.querySelector('.sample');
    const choose = (i, follow) => {
      items.forEach((item, j) => item.classList.toggle('chosen', i === j));
      slider.value = String(i);
      slider.setAttribute('aria-valuetext', items[i].dataset.title);
      if (follow && axis.length) show(Number(items[i].dataset.step));
    };
    slider.max = String(items.length - 1);
    slider.closest('label').hidden = false;
    written.querySelector('.samples').classList.add('one');
    slider.addEventListener('input', () => choose(Number(slider.value), true));
    choose(items.length - 1, false);
  }
})();
`;
