// What became of the prompt tokens that were looked up: found, or missed for a reason.
import { section } from '../dom.js';
import { fixed, percent } from '../format.js';
import { table } from '../table.js';

const outcomes = [
  ['hit_tokens', 'found in the cache'],
  ['miss.first_seen', 'never seen before'],
  ['miss.capacity', 'had been evicted'],
  ['miss.granularity', 'shorter than a block, or part of one'],
  ['miss.last_token', 'the last token, computed in any case'],
  ['miss.in_flight', 'still being computed'],
];

export function prefixCache({ summary: { prefix_cache: cache } }) {
  if (cache.query_tokens === 0) return null;
  const share = (tokens, of = cache.query_tokens) => (of > 0 ? tokens / of : 0);
  const rows = outcomes.map(([path, name]) => ({
    path,
    name,
    tokens: path.split('.').reduce((at, key) => at[key], cache),
  }));
  return section(
    'cache',
    'Prefix cache',
    `Of ${fixed(cache.query_tokens)} prompt tokens, at the first admission of their requests.`,
    table(
      'What became of the prompt tokens',
      [
        { name: 'outcome', left: true, value: (row) => row.name },
        {
          name: 'tokens',
          text: (row) => fixed(row.tokens),
          path: (row) => `prefix_cache.${row.path}`,
        },
        {
          name: 'share',
          value: (row) => share(row.tokens),
          text: (row) => percent(share(row.tokens), 2),
        },
      ],
      rows,
    ),
    cache.by_turn.length > 1
      ? table(
          'By turn of the conversation (the last row: later ones too)',
          [
            { name: 'turn' },
            { name: 'requests', text: (row) => fixed(row.requests) },
            {
              name: 'prompt tokens',
              value: (row) => row.query_tokens,
              text: (row) => fixed(row.query_tokens),
            },
            { name: 'found', value: (row) => row.hit_rate, text: (row) => percent(row.hit_rate) },
          ],
          cache.by_turn,
        )
      : null,
  );
}
