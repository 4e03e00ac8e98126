/**
 * Weaves people who read into the plans of some seeds. They are drawn from a stream of their own, so
 * that the other seeds, and everything else of these, stay as they were.
 */
import { type Act, type Operation, type Plan, TOPICS } from './plan.ts';
import { Random } from './random.ts';

/** Marks at once, by several devices of one user. */
const APART_MS: [least: number, most: number] = [1, 60];

export function withReading(seed: number, plan: Plan): Plan {
  const random = new Random(seed, 'reading');
  if (!random.chance(0.5)) return plan;
  const often = random.logarithmic(1, 20) / 20;
  const operations = plan.operations.flatMap((operation): Operation[] => {
    if (!random.chance(often)) return [operation];
    let { at } = operation;
    const acts = readingActs(plan, random).map((act) => {
      at += random.logarithmic(...APART_MS);
      return { at, act };
    });
    return [operation, ...acts];
  });
  return { ...plan, operations, areReading: true };
}

function readingActs({ devices, everyone }: Plan, random: Random): Act[] {
  const device = random.integer(0, devices.length - 1);
  const userId = devices[device]?.userId ?? '';
  const ofUser = [...devices.keys()].filter((index) => devices[index]?.userId === userId);
  const byDevice = (index: number): Act => ({ kind: 'mark', device: index });
  const drawn = random.next();
  if (drawn < 0.3) return [byDevice(device)];
  if (drawn < 0.6) return [...random.shuffle(ofUser).map(byDevice), byDevice(device)];
  if (drawn < 0.75) return [{ kind: 'mark over http', userId }, byDevice(device)];
  if (drawn < 0.8) return [{ kind: 'inbox over http', userId }];
  const shared = [...(everyone ? ['everyone'] : []), ...TOPICS.map((topic) => `topic:${topic}`)];
  const channel = random.chance(0.6) ? undefined : random.pick(shared);
  return [{ kind: 'inbox', device, channel }];
}
