/** Where no client of STOMP is: whoever asks for its rows has taken another for one. */
import type { ReconcilingApp } from '../../lambdas/handlers/reconcile.ts';

const refuse = (): never => {
  throw new Error('no client of STOMP is here');
};

const REFUSING: ProxyHandler<object> = { get: () => refuse };

export const withoutStomp: Pick<ReconcilingApp, 'sockets' | 'pending'> = {
  sockets: new Proxy({}, REFUSING) as ReconcilingApp['sockets'],
  pending: new Proxy({}, REFUSING) as ReconcilingApp['pending'],
};

/** Of the Lambda `message`: loads the module for them. */
export const loadNoStomp = async (): Promise<never> => refuse();
