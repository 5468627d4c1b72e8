// Which snapshot of the memory is looked at: one state, moved by any of its sliders.
import { h } from '../dom.js';
import { counted, duration } from '../format.js';

// The first one with the most memory held by running sequences.
function fullest(snapshots) {
  const held = snapshots.map(
    ({ memory: [used, reserved, internal, external] }) => used + reserved + internal + external,
  );
  return held.indexOf(Math.max(...held));
}

export function moments(snapshots) {
  const listeners = [];
  const sliders = [];
  const state = { index: fullest(snapshots) };
  const said = () => {
    const now = snapshots[state.index];
    return (
      `Snapshot ${state.index + 1} of ${snapshots.length}: ${duration(now.time_s)} into the run, ` +
      `${counted(now.running, 'sequence')} running`
    );
  };
  state.now = () => snapshots[state.index];
  state.onMove = (listener) => listeners.push(listener);
  state.slider = (id) => {
    const input = h('input', {
      type: 'range',
      id,
      min: 0,
      max: snapshots.length - 1,
      step: 1,
      value: state.index,
    });
    const output = h('output', { for: id });
    const show = () => {
      input.value = state.index;
      input.setAttribute('aria-valuetext', said());
      output.textContent = said();
    };
    input.addEventListener('input', () => {
      state.index = Number(input.value);
      sliders.forEach((each) => each());
      listeners.forEach((listener) => listener());
    });
    sliders.push(show);
    show();
    return h('div', { class: 'slider' }, h('label', { for: id }, 'Time'), input, output);
  };
  return state;
}
