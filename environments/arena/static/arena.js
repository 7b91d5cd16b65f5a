// The moving parts of the sites: dialogs, menus, calendars, suggestions. Everything else is plain forms and links.
'use strict';

for (const button of document.querySelectorAll('[data-opens]')) {
  const dialog = document.getElementById(button.dataset.opens);
  button.addEventListener('click', () => dialog.showModal());
  dialog.querySelector('.close').addEventListener('click', () => dialog.close());
}

for (const button of document.querySelectorAll('[data-menu]')) {
  const menu = document.getElementById(button.dataset.menu);
  const show = (open) => { menu.hidden = !open; button.setAttribute('aria-expanded', String(open)); };
  button.addEventListener('click', () => show(menu.hidden));
  document.addEventListener('click', (event) => { if (!button.parentElement.contains(event.target)) show(false); });
  document.addEventListener('keydown', (event) => { if (event.key === 'Escape') show(false); });
}

for (const field of document.querySelectorAll('.field.date')) calendar(field);
for (const field of document.querySelectorAll('.field.suggest')) suggestions(field);

function calendar(field) {
  const input = field.querySelector('input');
  const panel = document.createElement('div');
  panel.className = 'panel';
  panel.hidden = true;
  panel.setAttribute('role', 'dialog');
  panel.setAttribute('aria-label', 'Calendar');
  field.append(panel);
  let shown;
  field.querySelector('.calendar').addEventListener('click', () => {
    const start = /^\d{4}-\d{2}-\d{2}$/.test(input.value) ? input.value : field.dataset.today;
    shown = new Date(start + 'T00:00:00Z');
    shown.setUTCDate(1);
    panel.hidden = !panel.hidden;
    draw();
  });
  document.addEventListener('click', (event) => { if (!field.contains(event.target)) panel.hidden = true; });

  function draw() {
    const title = shown.toLocaleDateString('en-US', {month: 'long', year: 'numeric', timeZone: 'UTC'});
    const month = shown.getUTCMonth();
    const blanks = (shown.getUTCDay() + 6) % 7;
    const days = new Date(Date.UTC(shown.getUTCFullYear(), month + 1, 0)).getUTCDate();
    panel.replaceChildren();
    const head = panel.appendChild(document.createElement('header'));
    head.append(turn('‹', 'Previous month', -1), Object.assign(document.createElement('strong'), {textContent: title}),
      turn('›', 'Next month', 1));
    const table = panel.appendChild(document.createElement('table'));
    const names = table.insertRow();
    for (const day of ['Mo', 'Tu', 'We', 'Th', 'Fr', 'Sa', 'Su']) names.insertCell().textContent = day;
    for (let at = 0, row; at < blanks + days; at++) {
      if (at % 7 === 0) row = table.insertRow();
      const cell = row.insertCell();
      if (at >= blanks) cell.append(pick(at - blanks + 1));
    }
  }

  function turn(sign, label, by) {
    const button = Object.assign(document.createElement('button'), {type: 'button', textContent: sign});
    button.setAttribute('aria-label', label);
    button.addEventListener('click', (event) => {
      event.stopPropagation();
      shown.setUTCMonth(shown.getUTCMonth() + by);
      draw();
    });
    return button;
  }

  function pick(day) {
    const button = Object.assign(document.createElement('button'), {type: 'button', textContent: String(day)});
    button.addEventListener('click', () => {
      const date = new Date(shown);
      date.setUTCDate(day);
      input.value = date.toISOString().slice(0, 10);
      panel.hidden = true;
      input.dispatchEvent(new Event('change', {bubbles: true}));
    });
    return button;
  }
}

function suggestions(field) {
  const input = field.querySelector('input');
  const list = document.createElement('ul');
  list.setAttribute('role', 'listbox');
  list.hidden = true;
  field.append(list);
  let waiting, asked = 0;
  input.addEventListener('input', () => {
    clearTimeout(waiting);
    waiting = setTimeout(ask, 120);
  });
  document.addEventListener('click', (event) => { if (!field.contains(event.target)) show([]); });

  async function ask() {
    const number = ++asked;
    if (!input.value.trim()) return show([]);
    const reply = await fetch(`${field.dataset.address}?q=${encodeURIComponent(input.value)}`);
    const found = await reply.json();
    if (number === asked) show(found);
  }

  function show(found) {
    list.replaceChildren(...found.map(({label, value}) => {
      const entry = Object.assign(document.createElement('li'), {textContent: label});
      entry.setAttribute('role', 'option');
      entry.addEventListener('click', () => {
        input.value = value;
        show([]);
        input.dispatchEvent(new Event('change', {bubbles: true}));
      });
      return entry;
    }));
    list.hidden = !found.length;
    input.setAttribute('aria-expanded', String(!list.hidden));
  }
}
