/**
 * Settings that `npm start` has options for: a local stack may have them otherwise than the app that
 * is deployed. They hold for the sources and for the bundles alike.
 */
import type { AppVar, StompVar } from '../../lambdas/env.ts';

/** Undefined: what the sources have by default, or the bundles in their template. */
export interface Overrides {
  /** Every connection hears the channel `everyone`. */
  everyone?: boolean | undefined;
  /** Patterns of topics that every user may subscribe to. */
  openTopics?: readonly string[] | undefined;
  /** Of one connection. */
  maxSubscriptions?: number | undefined;
  /** Subscribers that are served before a publish is answered. */
  fanOutPage?: number | undefined;
  /** Clients may send messages to the application. */
  appMessages?: boolean | undefined;
  /** The application is told who comes and goes. */
  events?: boolean | undefined;
  offlineAfterSeconds?: number | undefined;
  /** Clients of STOMP are served. */
  stomp?: boolean | undefined;
}

export const overrideVars = (overrides: Overrides = {}): Partial<Record<AppVar | StompVar, string>> =>
  Object.fromEntries(
    Object.entries({
      EVERYONE: overrides.everyone,
      OPEN_TOPICS: overrides.openTopics?.join(','),
      MAX_SUBSCRIPTIONS: overrides.maxSubscriptions,
      FAN_OUT_PAGE: overrides.fanOutPage,
      APP_MESSAGES: overrides.appMessages,
      EVENTS: overrides.events,
      OFFLINE_AFTER_SECONDS: overrides.offlineAfterSeconds,
      STOMP: overrides.stomp,
      // Whoever watches a local stack looks for each message.
      LOG_SAMPLING: 100,
    } satisfies Partial<Record<AppVar | StompVar, unknown>>).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)]],
    ),
  );
