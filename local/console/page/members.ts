/** The members of the topic: who they are, and how a user becomes one or stops being one. */
import { isUserId, USER_ID_RULE } from '../../../lambdas/protocol/names.ts';
import { userPath } from '../../../lambdas/protocol/user-path.ts';
import { button, byId, element } from './dom.ts';
import { title } from './names.ts';
import { request } from './requests.ts';

interface MembersPage {
  members: { userId: string }[];
  next?: string;
}

export interface Members {
  clear(): void;
  /** Asks the stack. */
  refresh(): Promise<void>;
}

/** `users`: of the page, each with a button to add it. `topic`: at the moment. */
export function createMembers(users: string[], topic: () => string): Members {
  const list = byId('members', HTMLElement);
  const candidates = byId('candidates', HTMLElement);
  const input = byId('member', HTMLInputElement);
  const error = byId('member-error', HTMLElement);
  let shown = '';

  const tell = (message: string) => {
    input.ariaInvalid = message === '' ? null : 'true';
    error.textContent = message;
  };

  const change = async (method: 'PUT' | 'DELETE', userId: string) => {
    try {
      await request(`/topics/${topic()}/members/${userPath(userId)}`, { method });
      tell('');
    } catch (refusal) {
      tell(refusal instanceof Error ? refusal.message : String(refusal));
    }
    await refresh();
    // The button that was pressed is gone. Another one of the user takes the focus.
    const focus = [...list.querySelectorAll('button'), ...candidates.querySelectorAll('button')];
    const next = focus.find(({ dataset }) => dataset.user === userId) ?? input;
    if (document.activeElement === document.body) next.focus();
  };

  const changing = (method: 'PUT' | 'DELETE', verb: string, userId: string) => {
    const label = method === 'PUT' ? `${verb} to ${topic()}` : `${verb} ${title(userId)} from ${topic()}`;
    const made = button(verb, label, () => change(method, userId));
    made.dataset.user = userId;
    return made;
  };

  const refresh = async () => {
    const asked = topic();
    const page = await request<MembersPage>(`/topics/${asked}/members`).catch(() => undefined);
    if (page && asked === topic()) show(page);
  };

  /** What has not changed is left alone: a button may have the focus. */
  const show = ({ members, next }: MembersPage) => {
    const names = members.map(({ userId }) => userId);
    const now = JSON.stringify([topic(), names, next]);
    if (now === shown) return;
    shown = now;
    const rows = names.map((userId) =>
      element('li', {}, element('span', {}, title(userId)), changing('DELETE', 'Remove', userId)),
    );
    if (rows.length === 0) rows.push(element('li.quiet', {}, 'None'));
    if (next !== undefined) rows.push(element('li.quiet', {}, 'and more'));
    list.replaceChildren(...rows);
    const others = users.filter((userId) => !names.includes(userId));
    candidates.replaceChildren(...others.map((userId) => changing('PUT', `Add ${title(userId)}`, userId)));
  };

  byId('member-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    const { value } = input;
    if (!isUserId(value)) return tell(`User: expected ${USER_ID_RULE}`);
    input.value = '';
    void change('PUT', value);
  });

  return { clear: () => show({ members: [] }), refresh };
}
