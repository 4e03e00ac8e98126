/** A topic: who reads the news is subscribed to it, nobody else. */
import type { Herald } from 'herald-client';
import { useTopic } from 'herald-client/react';
import { useState } from 'react';
import { publishNews } from './backend.ts';
import type { MessageTypes } from './message-types.ts';

interface Properties {
  herald: Herald<MessageTypes> | undefined;
}

export function News({ herald }: Properties) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <section aria-labelledby="news">
      <h2 id="news">News</h2>
      <button type="button" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
        {isOpen ? 'Leave the news' : 'Read the news'}
      </button>
      <button type="button" onClick={() => void publishNews(`It is ${new Date().toLocaleTimeString()}`)}>
        Publish the time
      </button>
      {isOpen && <Articles herald={herald} />}
    </section>
  );
}

function Articles({ herald }: Properties) {
  const { messages, error } = useTopic(herald, 'news');
  if (error) return <p role="alert">{error.message}</p>;
  return (
    <ul>
      {messages.map((message) => (
        <li key={message.seq}>{message.type === 'news.published' ? message.data.text : message.type}</li>
      ))}
    </ul>
  );
}
