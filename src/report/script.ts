/** The report's script: read-outs, keyboard, sorting, copying. The page is complete without it; it sets text, never HTML. */

export const SCRIPT: string = /* js */ `
document.documentElement.classList.add('scripted');

// Curves: the values of the epoch under the pointer, or of the one that the arrow keys choose.
for (const plot of document.querySelectorAll('.plot')) {
  const series = JSON.parse(plot.dataset.series), epochs = Number(plot.dataset.epochs);
  const rule = plot.appendChild(document.createElement('i'));
  const tip = plot.appendChild(document.createElement('div'));
  rule.className = 'rule';
  tip.className = 'tip';
  tip.setAttribute('role', 'status');
  let epoch = 0;
  const show = (to) => {
    rule.hidden = tip.hidden = to === 0;
    if (to === 0 || to === epoch) return void (epoch = to);
    epoch = to;
    tip.textContent = '';
    tip.appendChild(document.createElement('b')).textContent = 'epoch ' + epoch;
    for (const { name, style, values } of series) {
      const value = values[epoch - 1];
      if (!value) continue;
      const row = tip.appendChild(document.createElement('span'));
      row.appendChild(document.createElement('i')).className = 'swatch ' + style;
      row.append(name + ' ' + value);
    }
    const share = epoch / epochs;
    rule.style.left = share * 100 + '%';
    tip.style.left = share > 0.5 ? '' : 'calc(' + share * 100 + '% + .6rem)';
    tip.style.right = share > 0.5 ? 'calc(' + (1 - share) * 100 + '% + .6rem)' : '';
  };
  show(0);
  const point = (event) => {
    const box = plot.getBoundingClientRect();
    show(Math.min(epochs, Math.max(1, Math.round(((event.clientX - box.left) / box.width) * epochs))));
  };
  plot.addEventListener('pointerdown', point);
  plot.addEventListener('pointermove', point);
  plot.addEventListener('pointerleave', (event) => event.pointerType === 'touch' || show(0)); // a tap stays
  plot.addEventListener('blur', () => show(0));
  plot.addEventListener('keydown', (event) => {
    const to = { ArrowRight: epoch + 1, ArrowLeft: epoch - 1, Home: 1, End: epochs, Escape: 0 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    show(event.key === 'Escape' ? 0 : Math.min(epochs, Math.max(1, to)));
  });
}

// Confusion matrix: what a cell means, in words; arrow keys move the one cell that is in the tab order.
const matrix = document.getElementById('confusion');
if (matrix) {
  const classes = JSON.parse(matrix.dataset.classes), readout = document.getElementById('readout');
  const rows = [...matrix.tBodies[0].rows].map((row) => [...row.querySelectorAll('td')]);
  const totals = rows.map((row) => row.reduce((sum, cell) => sum + Number(cell.textContent), 0));
  let current = rows[0][0];
  const place = (cell) => [cell.parentNode.sectionRowIndex, cell.cellIndex - 1];
  const read = (cell) => {
    const [i, j] = place(cell), count = Number(cell.textContent);
    const images = ' of ' + totals[i] + (totals[i] === 1 ? ' image' : ' images') + ' of \\u201c' + classes[i] + '\\u201d ';
    const verb = count === 1 ? 'was ' : 'were ';
    const share = totals[i] ? ' (' + Math.round((count / totals[i]) * 100) + ' %)' : '';
    readout.textContent = count + images + verb + (i === j ? 'classified correctly' : 'taken for \\u201c' + classes[j] + '\\u201d') + share + '.';
  };
  matrix.addEventListener('pointerover', (event) => event.target.tagName === 'TD' && read(event.target));
  matrix.addEventListener('focusin', (event) => {
    if (event.target.tagName !== 'TD') return;
    current.tabIndex = -1;
    current = event.target;
    current.tabIndex = 0;
    read(current);
  });
  matrix.addEventListener('click', (event) => {
    if (event.target.tagName !== 'TD') return;
    event.target.tabIndex = -1;
    event.target.focus();
  });
  matrix.addEventListener('keydown', (event) => {
    const [i, j] = place(current);
    const to = { ArrowUp: [i - 1, j], ArrowDown: [i + 1, j], ArrowLeft: [i, j - 1], ArrowRight: [i, j + 1], Home: [i, 0], End: [i, classes.length - 1] }[event.key];
    const cell = to && rows[to[0]] && rows[to[0]][to[1]];
    if (!to) return;
    event.preventDefault();
    if (!cell) return;
    cell.tabIndex = -1;
    cell.focus();
  });
}

// Class table: sorted by a column at a click, first the way that shows the weakest classes.
for (const table of document.querySelectorAll('.sortable')) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const down = head.getAttribute('aria-sort') === 'ascending';
      heads.forEach((other) => other.removeAttribute('aria-sort'));
      head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      const key = (row) => row.cells[column].dataset.sort === undefined ? row.cells[column].textContent : Number(row.cells[column].dataset.sort);
      const order = (a, b) => typeof a === 'number' ? a - b : a.localeCompare(b, undefined, { numeric: true });
      const body = table.tBodies[0];
      body.append(...[...body.rows].sort((a, b) => order(key(a), key(b)) * (down ? -1 : 1)));
    });
  });
}

for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', () => {
    const text = document.getElementById(button.dataset.copy);
    const say = (word) => { button.textContent = word; setTimeout(() => { button.textContent = 'Copy'; }, 1500); };
    const select = () => { getSelection().selectAllChildren(text); say(document.execCommand('copy') ? 'Copied' : 'Selected'); };
    navigator.clipboard ? navigator.clipboard.writeText(text.textContent).then(() => say('Copied'), select) : select();
  });
}
`;
