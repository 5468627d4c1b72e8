// Numbers as text: grouped, with fixed decimals, so that columns compare by eye.

export function fixed(x, decimals = 0) {
  if (x === null || x === undefined) return '-';
  return x.toLocaleString('en-US', {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
}

export const percent = (share, decimals = 1) => `${fixed(100 * share, decimals)} %`;

// Three significant digits, for axes and text beside a chart.
export function brief(x) {
  if (x === 0) return '0';
  const size = Math.abs(x);
  if (size >= 1e9) return `${trim(x / 1e9)}G`;
  if (size >= 1e6) return `${trim(x / 1e6)}M`;
  if (size >= 1e4) return `${trim(x / 1e3)}k`;
  return trim(x);
}
const trim = (x) => String(Number(x.toPrecision(3)));

export function duration(seconds) {
  if (seconds < 1) return `${brief(seconds * 1000)} ms`;
  if (seconds < 120) return `${brief(seconds)} s`;
  return seconds < 7200 ? `${brief(seconds / 60)} min` : `${brief(seconds / 3600)} h`;
}

export const request = (id) => (id < 0 ? 'nobody' : `request ${fixed(id)}`);
export const counted = (n, noun, plural = `${noun}s`) => `${fixed(n)} ${n === 1 ? noun : plural}`;

// A run's name where there is little room: "allocator=paged block_size=16" as "paged 16".
export const short = (label) =>
  label.length > 20 ? label.replaceAll(/(^| )[^ =]+=/g, '$1') : label;
