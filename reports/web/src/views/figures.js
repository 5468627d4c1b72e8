// The run in a few figures, each as in summary.json.
import { h, section } from '../dom.js';
import { fixed, percent } from '../format.js';

const tile = (summary, name, path, text, note) => {
  const value = path.split('.').reduce((at, key) => at[key], summary);
  return h(
    'div',
    {},
    h('dt', {}, name),
    h(
      'dd',
      { 'data-path': path, 'data-value': value },
      text(value),
      note ? h('small', {}, note) : null,
    ),
  );
};

// Without samples there is no latency to speak of.
const latencyTile = (summary, name, measure, quantile, [said, other]) => {
  const ms = (x) => (x < 10000 ? `${fixed(x, 1)} ms` : `${fixed(x / 1000, 1)} s`);
  return summary[measure].count === 0
    ? null
    : tile(summary, name, `${measure}.${quantile}`, ms, `${said} ${ms(summary[measure][other])}`);
};

export function figures({ summary }) {
  const { requests, kv, prefix_cache: cache, throughput, batch } = summary;
  // Requests that are served alone, outside of time, have no more than requests and utilization.
  const timed = batch.steps === 0 ? () => null : tile;
  return section(
    'figures',
    'In figures',
    null,
    h(
      'dl',
      { class: 'tiles' },
      tile(
        summary,
        'Requests served',
        'requests.completed',
        (n) => fixed(n),
        `of ${fixed(requests.total)}; ${fixed(throughput.request_per_s, 2)} per second`,
      ),
      latencyTile(summary, 'Time to first token, p99', 'ttft_ms', 'p99', ['median', 'p50']),
      latencyTile(summary, 'Time per output token, p99', 'tpot_ms', 'p99', ['median', 'p50']),
      latencyTile(summary, 'End to end, mean', 'e2e_ms', 'mean', ['p99', 'p99']),
      timed(
        summary,
        'Output throughput',
        'throughput.output_tok_per_s',
        (x) => `${fixed(x)} tok/s`,
        `${fixed(throughput.total_tok_per_s)} with prompts`,
      ),
      tile(
        summary,
        'KV utilization',
        'kv.utilization.mean',
        percent,
        'of held memory holds tokens',
      ),
      timed(
        summary,
        'KV usage, p99',
        'kv.usage.p99',
        percent,
        `of ${fixed(kv.capacity_tokens)} tokens; mean ${percent(kv.usage.mean)}`,
      ),
      timed(
        summary,
        'Prefix cache hits',
        'prefix_cache.hit_rate',
        percent,
        `${fixed(cache.hit_tokens)} of ${fixed(cache.query_tokens)} tokens`,
      ),
      timed(
        summary,
        'Preemptions',
        'preemptions',
        (n) => fixed(n),
        `${fixed(summary.recomputed_tokens)} tokens computed again`,
      ),
      timed(summary, 'Evictions', 'evictions', (n) => fixed(n), `in ${fixed(batch.steps)} steps`),
    ),
  );
}
