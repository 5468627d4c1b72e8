// The run in a few figures, each as in summary.json.
import { h, section } from '../dom.js';
import { fixed, percent } from '../format.js';

const tile = (summary, name, path, text, note) => {
  const value = path.split('.').reduce((at, key) => at[key], summary);
  return h('div', {}, h('dt', {}, name),
    h('dd', { 'data-path': path, 'data-value': value }, text(value), note ? h('small', {}, note) : null));
};

export function figures({ summary }) {
  const { requests, kv, prefix_cache: cache, throughput, batch } = summary;
  const ms = (x) => (x < 10000 ? `${fixed(x, 1)} ms` : `${fixed(x / 1000, 1)} s`);
  return section('figures', 'In figures', null, h('dl', { class: 'tiles' },
    tile(summary, 'Requests served', 'requests.completed', (n) => fixed(n),
      `of ${fixed(requests.total)}; ${fixed(throughput.request_per_s, 2)} per second`),
    tile(summary, 'Time to first token, p99', 'ttft_ms.p99', ms, `median ${ms(summary.ttft_ms.p50)}`),
    tile(summary, 'Time per output token, p99', 'tpot_ms.p99', ms, `median ${ms(summary.tpot_ms.p50)}`),
    tile(summary, 'End to end, mean', 'e2e_ms.mean', ms, `p99 ${ms(summary.e2e_ms.p99)}`),
    tile(summary, 'Output throughput', 'throughput.output_tok_per_s', (x) => `${fixed(x)} tok/s`,
      `${fixed(throughput.total_tok_per_s)} with prompts`),
    tile(summary, 'KV utilization', 'kv.utilization.mean', percent, 'of held memory holds tokens'),
    tile(summary, 'KV usage, p99', 'kv.usage.p99', percent,
      `of ${fixed(kv.capacity_tokens)} tokens; mean ${percent(kv.usage.mean)}`),
    tile(summary, 'Prefix cache hits', 'prefix_cache.hit_rate', percent,
      `${fixed(cache.hit_tokens)} of ${fixed(cache.query_tokens)} tokens`),
    tile(summary, 'Preemptions', 'preemptions', (n) => fixed(n),
      `${fixed(summary.recomputed_tokens)} tokens computed again`),
    tile(summary, 'Evictions', 'evictions', (n) => fixed(n), `in ${fixed(batch.steps)} steps`)));
}
