/** The topic of the page: its name, its members, and who hears it. Any name will do: a topic needs no creating. */
import { isTopic, TOPIC_RULE, topicChannel } from '../../../lambdas/protocol/channel.ts';
import type { Channel, Channels } from './channel.ts';
import { byId } from './dom.ts';
import { createHearers } from './hearers.ts';
import { createMembers } from './members.ts';

export interface TopicPanel {
  readonly channel: Channel;
  /** Shows the log's head. */
  update(): void;
  /** Asks the stack again who is a member, and who hears it. */
  refresh(): void;
  /** Who may join. `subscribe`: patterns of channels that the tokens of the page allow. */
  explain(subscribe: string[]): void;
}

const REFRESH_AFTER_MS = 300;

export interface TopicContext {
  channels: Channels;
  /** Of the page. */
  users: string[];
  /** The page has another topic from now on. */
  changed(): void;
}

export function createTopicPanel({ channels, users, changed }: TopicContext): TopicPanel {
  const input = byId('topic', HTMLInputElement);
  const error = byId('topic-error', HTMLElement);
  const head = byId('head-topic', HTMLElement);
  let channel = channels.named(topicChannel(input.value).name);
  const members = createMembers(users, () => channel.title);
  const hearers = createHearers(() => channel.title);
  let isDue = false;

  byId('topic-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    const isGood = isTopic(input.value);
    input.ariaInvalid = isGood ? null : 'true';
    error.textContent = isGood ? '' : `Topic: expected ${TOPIC_RULE}`;
    if (!isGood) return;
    channel = channels.named(topicChannel(input.value).name);
    members.clear();
    hearers.clear();
    panel.update();
    panel.refresh();
    changed();
  });

  const panel: TopicPanel = {
    get channel() {
      return channel;
    },
    update() {
      head.textContent = `log ${channel.name}, head ${channel.head}`;
    },
    /** Many reasons within a moment are one. */
    refresh() {
      if (isDue) return;
      isDue = true;
      setTimeout(() => {
        isDue = false;
        void members.refresh();
        void hearers.refresh();
      }, REFRESH_AFTER_MS);
    },
    explain(subscribe) {
      byId('topic-why', HTMLElement).textContent = whyOf(subscribe);
    },
  };
  panel.update();
  return panel;
}

function whyOf(subscribe: string[]): string {
  const topics = subscribe.map((pattern) => pattern.replace('topic:', ''));
  return `Every device here may join ${topics.join(' and ')}, since its token allows it. Another topic is for its members, and for all if the stack was started with --open-topics.`;
}
