/**
 * Weaves people who read into the plans of some seeds. They are drawn from a stream of their own, so
 * that the other seeds, and everything else of these, stay as they were.
 */
import { type Act, type Plan, TOPICS } from './plan.ts';
import { Random } from './random.ts';
import { woven } from './weave.ts';

export function withReading(seed: number, plan: Plan): Plan {
  const random = new Random(seed, 'reading');
  if (!random.chance(0.5)) return plan;
  const operations = woven(plan, random, () => readingActs(plan, random));
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
