// h('p', {class: 'x', onclick: f}, 'text', node, ...): a DOM element in one call. Text is never
// parsed as HTML.
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined));
  return element;
}

// A <section> with a heading and what it is about; `id` is its place in the navigation.
export function section(id, heading, lead, ...children) {
  return h(
    'section',
    { id, 'aria-labelledby': `${id}-title` },
    h('h2', { id: `${id}-title` }, heading),
    lead ? h('p', { class: 'lead' }, lead) : null,
    ...children,
  );
}

// A <select> with its label; `choices` are [value, text] pairs.
let selects = 0;
export function choice(label, choices, chosen, onchange) {
  const id = `choice-${(selects += 1)}`;
  return h(
    'span',
    { class: 'control' },
    h('label', { for: id }, label),
    h(
      'select',
      { id, onchange: (event) => onchange(event.target.value) },
      choices.map(([value, text]) => h('option', { value, selected: value === chosen }, text)),
    ),
  );
}
