/**
 * How an account's quotas carry a fleet of devices: expected numbers, second by second. Nothing in it is random, so that its
 * answers can be checked against what is known in closed form.
 */

export interface Quotas {
  /** https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html */
  connectsPerSecond: number;
  /** Of all APIs of the account together, posts to connections included. */
  requestsPerSecond: number;
  /** Lambdas of the account that run at once. */
  lambdaConcurrency: number;
}

/** What one connect asks of each quota, and how a client that is refused comes again. */
export interface Behaviour {
  /** Requests to API Gateway per connect: the handshake, the `ready` frame, a replay frame. */
  requestsPerConnect: number;
  /** Seconds of Lambda per connect: authorizer, connect, replay, disconnect of the old connection. */
  lambdaSecondsPerConnect: number;
  /** First retry after up to this, twice as long each time, up to the cap. Full jitter. */
  backoffBaseSeconds: number;
  backoffCapSeconds: number;
}

export interface Fleet {
  connections: number;
  /** Over so long, evenly, the devices try for the first time. 0: all at once. */
  spreadSeconds: number;
  /** Requests per second the account spends on other things, as on publishing. */
  otherRequestsPerSecond: number;
}

export const QUOTAS: Quotas = { connectsPerSecond: 500, requestsPerSecond: 10_000, lambdaConcurrency: 1000 };

export const BEHAVIOUR: Behaviour = {
  requestsPerConnect: 3,
  lambdaSecondsPerConnect: 0.3,
  backoffBaseSeconds: 0.5,
  backoffCapSeconds: 30,
};

export type QuotaName = keyof Quotas;

/** How many connects per second each quota allows, when the others do not matter. */
export const ratesOf = (
  quotas: Quotas,
  behaviour: Behaviour,
  { otherRequestsPerSecond }: Pick<Fleet, 'otherRequestsPerSecond'>,
): Record<QuotaName, number> => ({
  connectsPerSecond: quotas.connectsPerSecond,
  requestsPerSecond:
    Math.max(0, quotas.requestsPerSecond - otherRequestsPerSecond) / behaviour.requestsPerConnect,
  lambdaConcurrency: quotas.lambdaConcurrency / behaviour.lambdaSecondsPerConnect,
});

/** The quota that lets the fewest connects through. */
export function bindingQuota(rates: Record<QuotaName, number>): QuotaName {
  const names = Object.keys(rates) as QuotaName[];
  return names.reduce((least, name) => (rates[name] < rates[least] ? name : least));
}

export interface Settling {
  /** Until the last device is connected; Infinity: never. */
  seconds: number;
  /** Until half of them are. */
  halfSeconds: number;
  /** Handshakes refused on the way. */
  refused: number;
  /** Whether a quota was ever reached, and which it was. */
  binds: QuotaName | undefined;
  /** Connects per second, second by second. */
  connects: number[];
}

/** Less than this of a device counts as nobody. */
const NOBODY = 0.5;

/** Everybody has lost the connection and comes back. */
export function reconnect(fleet: Fleet, quotas = QUOTAS, behaviour = BEHAVIOUR): Settling {
  const rates = ratesOf(quotas, behaviour, fleet);
  const binding = bindingQuota(rates);
  const rate = rates[binding];
  if (rate <= 0)
    return { seconds: Infinity, halfSeconds: Infinity, refused: Infinity, binds: binding, connects: [] };

  /** Devices that try at a given second, by how often they were refused. */
  const due: Map<number, number>[] = [];
  plan(due, 0, 0, fleet.spreadSeconds, fleet.connections);
  const connects: number[] = [];
  let connected = 0;
  let refused = 0;
  for (let second = 0; fleet.connections - connected > NOBODY; second++) {
    const trying = due[second] ?? new Map<number, number>();
    const total = [...trying.values()].reduce((sum, devices) => sum + devices, 0);
    const accepted = Math.min(rate, total);
    connects.push(accepted);
    connected += accepted;
    refused += total - accepted;
    for (const [tries, devices] of trying) {
      const again = total === 0 ? 0 : devices * (1 - accepted / total);
      const delay = Math.min(behaviour.backoffCapSeconds, behaviour.backoffBaseSeconds * 2 ** tries);
      if (again > 0) plan(due, tries + 1, second + 1, delay, again);
    }
    delete due[second];
  }
  return {
    seconds: connects.length,
    halfSeconds: secondsUntil(connects, fleet.connections / 2),
    refused,
    binds: refused > 0 ? binding : undefined,
    connects,
  };
}

/** Spreads devices evenly over the seconds from `from` on. */
function plan(
  due: Map<number, number>[],
  tries: number,
  from: number,
  seconds: number,
  devices: number,
): void {
  const slots = Math.max(1, Math.ceil(seconds));
  // More than that many refusals are one: the delay no longer grows.
  const kind = Math.min(tries, 10);
  for (let slot = from; slot < from + slots; slot++) {
    const at = due[slot] ?? new Map<number, number>();
    due[slot] = at;
    at.set(kind, (at.get(kind) ?? 0) + devices / slots);
  }
}

function secondsUntil(connects: number[], wanted: number): number {
  let sum = 0;
  for (const [second, accepted] of connects.entries()) {
    sum += accepted;
    if (sum >= wanted) return second + 1;
  }
  return Infinity;
}

/**
 * The highest rate of connects when connections opened at these rates are rotated after `afterSeconds` and up to so much later,
 * evenly: what a storm becomes two hours later.
 */
export function rotationPeak(connects: readonly number[], jitterSeconds: number): number {
  const width = Math.max(1, Math.round(jitterSeconds));
  let window = 0;
  let peak = 0;
  for (let second = 0; second < connects.length; second++) {
    window += connects[second] ?? 0;
    if (second >= width) window -= connects[second - width] ?? 0;
    peak = Math.max(peak, window / width);
  }
  return peak;
}
