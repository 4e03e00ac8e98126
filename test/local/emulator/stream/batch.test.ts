/** What becomes of a batch of stream records: Lambda's rules for retries, splits, checkpoints and records too old. */
import { describe, expect, it } from 'vitest';
import {
  type BatchPorts,
  type BatchSettings,
  deliver,
  type StreamRecord,
} from '../../../../local/emulator/stream/batch.ts';

const NOW_SECONDS = 1_000_000;

const record = (sequence: number, createdAt = NOW_SECONDS): StreamRecord => ({
  dynamodb: {
    ApproximateCreationDateTime: createdAt,
    Keys: { id: { S: String(sequence) } },
    SequenceNumber: String(sequence),
  },
});
const records = (...sequences: number[]) => sequences.map((sequence) => record(sequence));
const sequencesOf = (batch: StreamRecord[]) => batch.map(({ dynamodb }) => Number(dynamodb.SequenceNumber));
const failuresOf = (...sequences: unknown[]) => ({
  batchItemFailures: sequences.map((sequence) => ({ itemIdentifier: sequence })),
});

const SETTINGS: BatchSettings = {
  maxRetries: 3,
  maxRecordAgeMs: 600_000,
  bisect: true,
  retryDelayMs: (retry) => retry * 1000,
};

/** Delivers a batch to a Lambda and tells all that happened. */
async function run(
  batch: StreamRecord[],
  lambda: (sequences: number[], run: number) => unknown,
  settings: Partial<BatchSettings> = {},
) {
  const invocations: number[][] = [];
  const delays: number[] = [];
  const deadLetters: [number[], string, number][] = [];
  let nowMs = NOW_SECONDS * 1000;
  const ports: BatchPorts = {
    invoke: async (given) => {
      invocations.push(sequencesOf(given));
      return lambda(sequencesOf(given), invocations.length);
    },
    now: () => nowMs,
    sleep: async (milliseconds) => {
      delays.push(milliseconds);
      nowMs += milliseconds;
    },
    deadLetter: (letters, reason, count) => deadLetters.push([sequencesOf(letters), reason, count]),
    isStopping: () => false,
  };
  await deliver(batch, { ...SETTINGS, ...settings }, ports);
  return { invocations, delays, deadLetters };
}

const failsOn = (bad: number) => (sequences: number[]) => {
  if (sequences.includes(bad)) throw new Error('no');
};

describe('success', () => {
  it.each([
    ['nothing', undefined],
    ['null', null],
    ['an object without the list', {}],
    ['no list', { batchItemFailures: null }],
    ['an empty list', { batchItemFailures: [] }],
  ])('is %s', async (_, result) => {
    const { invocations, deadLetters } = await run(records(1, 2), () => result);
    expect([invocations, deadLetters]).toEqual([[[1, 2]], []]);
  });
});

describe('a record reported', () => {
  it('and all after it are sent again, also those that went well', async () => {
    const { invocations } = await run(records(1, 2, 3, 4), (_, run) => (run === 1 ? failuresOf('3') : null));
    expect(invocations).toEqual([
      [1, 2, 3, 4],
      [3, 4],
    ]);
  });

  it('counts only if it is the lowest', async () => {
    const { invocations } = await run(records(1, 2, 3), (_, run) =>
      run === 1 ? failuresOf('3', '2') : null,
    );
    expect(invocations[1]).toEqual([2, 3]);
  });

  it('is separated from the good ones and given up alone', async () => {
    const lambda = (sequences: number[]) => (sequences.includes(2) ? failuresOf('2') : null);
    const { invocations, deadLetters } = await run(records(1, 2, 3), lambda);
    expect(deadLetters).toEqual([[[2], 'RetryAttemptsExhausted', 4]]);
    expect(invocations.at(-1)).toEqual([3]);
  });
});

describe('the whole batch failed when an identifier', () => {
  it.each([
    ['is empty', failuresOf('')],
    ['is null', failuresOf(null)],
    ['is of no record of the batch', failuresOf('99')],
    ['stands under another key', { batchItemFailures: [{ id: '2' }] }],
    ['is one of several and unknown', failuresOf('2', '99')],
    ['is not in a list', { batchItemFailures: '2' }],
  ])('%s', async (_, result) => {
    const { invocations } = await run(records(1, 2), (_, run) => (run === 1 ? result : null), {
      bisect: false,
    });
    expect(invocations).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });
});

describe('a batch whose Lambda throws', () => {
  it('is halved, in order, until the bad record stands alone; splits are no retries', async () => {
    const { invocations, deadLetters, delays } = await run(records(1, 2, 3, 4), failsOn(2));
    expect(invocations).toEqual([[1, 2, 3, 4], [1, 2], [1], [2], [2], [2], [2], [3, 4]]);
    expect(deadLetters).toEqual([[[2], 'RetryAttemptsExhausted', 4]]);
    expect(delays).toEqual([1000, 2000, 3000]);
  });

  it('is sent again as a whole without bisecting, and given up as a whole', async () => {
    const { invocations, deadLetters } = await run(records(1, 2), failsOn(2), { bisect: false });
    expect(invocations).toHaveLength(4);
    expect(deadLetters).toEqual([[[1, 2], 'RetryAttemptsExhausted', 4]]);
  });

  it('succeeds on a retry', async () => {
    const lambda = (_: number[], run: number) => {
      if (run < 3) throw new Error('no');
    };
    const { invocations, deadLetters } = await run(records(1), lambda);
    expect([invocations.length, deadLetters]).toEqual([3, []]);
  });
});

describe('a record too old', () => {
  it('is given up without a run, the others are handled', async () => {
    const batch = [record(1, NOW_SECONDS - 601), record(2)];
    const { invocations, deadLetters } = await run(batch, () => null);
    expect(deadLetters).toEqual([[[1], 'RecordAgeExceeded', 0]]);
    expect(invocations).toEqual([[2]]);
  });

  it('is given up while it is retried', async () => {
    const settings = { maxRetries: 100, retryDelayMs: () => 400_000 };
    const { invocations, deadLetters } = await run(records(1), failsOn(1), settings);
    expect(deadLetters).toEqual([[[1], 'RecordAgeExceeded', 2]]);
    expect(invocations).toHaveLength(2);
  });
});
