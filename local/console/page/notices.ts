/** What the stack's settings keep the console from, and what to do about it. */
import { element } from './dom.ts';
import type { Settings } from './requests.ts';

/** `seat`: of this tab; `example`: the id of one of its devices. */
export function noticesOf(settings: Settings, seat: number, example: string): HTMLElement[] {
  const { jwksUrl, issuer, closedTypes, everyone } = settings;
  const notices: string[] = [];
  if (jwksUrl !== undefined)
    notices.push(
      `This stack takes the tokens of ${issuer} only. The console can make none, so its devices cannot connect; sending works. Start the stack without --jwks-url to see them.`,
    );
  if (closedTypes)
    notices.push(
      'This stack takes only the types of lambdas/message-types.ts: enter one of them as the type.',
    );
  if (everyone === false)
    notices.push(
      'This stack has no channel of everyone, so nothing can be sent to all. Start it without --no-everyone to try that.',
    );
  if (seat > 1)
    notices.push(`The console is open in another tab too: the devices here are others, as ${example}.`);
  return notices.map((text) => element('li', {}, text));
}
