/** The form: what is sent, from which device and to whom. Enter sends; what the stack refuses is told at its field. */
import { EVERYONE } from '../../../lambdas/protocol/channel.ts';
import type { Draft } from './channel.ts';
import { byId, element } from './dom.ts';
import { Refusal } from './requests.ts';

type Choice = [value: string, name: string];

export interface Compose {
  readonly count: number;
  /** `number`: of several messages, so that they can be told apart. */
  draft(number: number | undefined): Draft;
  /** What is chosen stays chosen, if it is still there. */
  offer(devices: Choice[], channels: Choice[]): void;
  accepted(): void;
  refused(error: unknown): void;
}

/** `send`: from a device, by its id, to a channel, by its name. */
export function createCompose(send: (fromDevice: string, toChannel: string) => unknown): Compose {
  const [text, type] = [byId('text', HTMLInputElement), byId('type', HTMLInputElement)];
  const [from, to] = [byId('from', HTMLSelectElement), byId('to', HTMLSelectElement)];
  const count = byId('count', HTMLSelectElement);

  byId('compose', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    void send(from.value, to.value);
  });
  byId('broadcast', HTMLButtonElement).addEventListener('click', ({ currentTarget }) => {
    if ((currentTarget as HTMLButtonElement).ariaDisabled !== 'true') void send(from.value, EVERYONE.name);
  });

  const tell = (field: HTMLInputElement, message: string) => {
    field.ariaInvalid = message === '' ? null : 'true';
    byId(`${field.id}-error`, HTMLElement).textContent = message;
  };

  return {
    get count() {
      return Number(count.value);
    },
    draft(number) {
      const message = text.value || 'Hello';
      const isData = /^[{[]/.test(message);
      return { type: type.value, text: number === undefined || isData ? message : `${message} ${number}` };
    },
    offer(devices, channels) {
      choose(from, devices);
      choose(to, channels);
    },
    accepted() {
      tell(text, '');
      tell(type, '');
    },
    refused(error) {
      const errors = error instanceof Refusal ? error.errors : [];
      const ofType = errors.filter(({ path }) => path === 'type').map(({ message }) => message);
      const others = errors
        .filter(({ path }) => path !== 'type')
        .map(({ path, message }) => `${path}: ${message}`);
      tell(type, ofType.length > 0 ? `Type: ${ofType.join('; ')}` : '');
      const isElsewhere = errors.length === 0 && error instanceof Error;
      tell(text, isElsewhere ? error.message : others.join('; '));
    },
  };
}

function choose(select: HTMLSelectElement, choices: Choice[]): void {
  const { value } = select;
  select.replaceChildren(...choices.map(option));
  if (choices.some(([offered]) => offered === value)) select.value = value;
}

const option = ([value, name]: Choice): HTMLElement => element('option', { value }, name);
