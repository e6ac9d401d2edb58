import type { CallView, ChatMessage, Participant, Settings, Snapshot, UiEvent, UserError } from '../backend/types';

/** Scenes by URL hash (`#call-3`), for looking at the user interface without a backend. */

export interface Scene {
  snapshot: Snapshot;
  /** Events after it, each with its delay in milliseconds. */
  events?: [number, UiEvent][];
  /** Tracks with a picture. */
  pictures?: number[];
  portrait?: boolean;
  /** Reject starting and joining with this. */
  refuse?: UserError;
  /** Never answer starting and joining. */
  hang?: boolean;
}

const HOUR = 3_600_000;
const LINK = 'http://192.168.1.20:7420/r/lusab-babad-gutih-tugad';
const NAMES = ['Ben Okafor', 'Chiara Lombardi', 'Dmitri Volkov', 'Eun-ji Park', 'Farah Nasser', 'Gus', 'Hanna Virtanen', 'Ibrahim Kaya'];

const settings = (more: Partial<Settings> = {}): Settings => ({ name: 'Ana Ruiz', server: null, recent: [], ...more });
const recent = (now: number) => [
  { link: LINK, at: now - 4 * 60_000 },
  { link: 'https://meet.example.org/r/weekly-planning', at: now - 26 * HOUR },
  { link: 'https://meet.example.org/r/pudul-rogap-zitor-fimud', at: now - 6 * 24 * HOUR },
];

const person = (index: number, more: Partial<Participant> = {}): Participant => ({
  id: `p${index}`,
  name: NAMES[index - 1] ?? `Guest ${index}`,
  state: 'connected',
  media: { mic: index % 3 !== 2, cam: true },
  tracks: [
    { handle: index, kind: 'video', stream: `s${index}`, event: 'camera', refused: null },
    { handle: 100 + index, kind: 'audio', stream: `s${index}`, event: 'camera', refused: null },
  ],
  ...more,
});

const people = (count: number): Participant[] => Array.from({ length: count }, (_, index) => person(index + 1));

const call = (more: Partial<CallView> = {}): CallView => ({
  link: LINK,
  room: 'lusab-babad-gutih-tugad',
  me: { id: 'me', name: 'Ana Ruiz', mic: { state: 'on' }, camera: { state: 'on' }, speaker: { state: 'on' } },
  participants: [],
  chat: [],
  ...more,
});

const inCall = (view: CallView, more: Partial<Snapshot> = {}): Snapshot => ({
  state: 'in-call',
  call: view,
  settings: settings(),
  version: '0.1.0',
  ...more,
});

const idle = (more: Partial<Settings> = {}): Snapshot => ({ state: 'idle', call: null, settings: settings(more), version: '0.1.0' });

const handles = (count: number) => Array.from({ length: count + 1 }, (_, index) => index);

const scene = (count: number, view: Partial<CallView> = {}): Scene => ({
  snapshot: inCall(call({ participants: people(count), ...view })),
  pictures: handles(count),
  events: [...talking(['p1']), [300, { type: 'stats', peers: people(count).map((them, index) => stats(them.id, index)) }]],
});

const stats = (id: string, index: number) => ({
  id,
  frames: 900,
  width: 1280,
  height: 720,
  fps: 30,
  bitrate: 1_400_000,
  rttMs: 18 + index * 31,
  loss: index === 2 ? 0.045 : 0.001,
  audioLevel: 0.1,
  connection: index === 1 ? 'relay' : 'host',
});

function talking(ids: string[]): [number, UiEvent][] {
  return Array.from({ length: 600 }, (_, index) => [100 + index * 100, { type: 'levels', levels: ids.map((id) => [id, 0.12]) }]);
}

const error = (code: UserError['code'], message: string, detail?: string): UserError => ({ code, message, ...(detail ? { detail } : {}) });
const busy = error('camera-busy', 'Your camera is in use by another program. Close it there, then try again.', 'v4l2: Device or resource busy (os error 16)');
const noMic = error('microphone-missing', 'No microphone found. Connect one, then unmute. You still hear the others.');
const noSpeaker = error('speaker-missing', 'No speaker or headphones found. Connect some to hear the others.');

const LINES = [
  'Morning! Can everyone hear me?',
  'Loud and clear',
  'I put the agenda here: https://notes.example.org/planning/2026-w47, have a look before we start',
  'Three things today:\n1. the release\n2. who answers the phone next week\n3. lunch',
  '👍',
  'The numbers from last night look good, about a third of what we had before. I will write up how we measured it and send it round this afternoon.',
  'Averyveryverylongwordthatdoesnotwrapbyitselfbecausesomebodypastedatokenintothechat0123456789abcdef0123456789abcdef',
  'ok',
];

function chat(count: number, now: number): ChatMessage[] {
  return Array.from({ length: count }, (_, index) => {
    const who = Math.floor(index / 2) % 4;
    return {
      id: `m${index}`,
      from: who === 0 ? 'Ana Ruiz' : (NAMES[who - 1] ?? ''),
      author: who === 0 ? 'me' : `p${who}`,
      text: LINES[index % LINES.length]!,
      at: now - (count - index) * 95_000,
    };
  });
}

export function scenes(now: number): Record<string, () => Scene> {
  const withMe = (me: Partial<CallView['me']>, count: number) => scene(count, { me: { ...call().me, ...me } });
  return {
    home: () => ({ snapshot: idle({ recent: recent(now) }) }),
    'home-first': () => ({ snapshot: idle({ name: '' }) }),
    'home-error': () => ({
      snapshot: idle({ recent: recent(now) }),
      refuse: error('server-unreachable', 'The server can’t be reached. Check your connection and the link, then try again.', 'tcp connect 192.168.1.20:7420: Connection refused'),
    }),
    joining: () => ({ snapshot: idle(), hang: true }),
    alone: () => ({ ...scene(0), events: [] }),
    'alone-no-camera': () => withMe({ camera: { state: 'failed', error: busy } }, 0),
    'call-2': () => scene(1),
    'call-2-portrait': () => ({ ...scene(1), portrait: true }),
    'call-2-off': () => ({ ...scene(1, { participants: [person(1, { media: { mic: false, cam: false } })], me: { ...call().me, camera: { state: 'off' } } }), events: [] }),
    'call-3': () => scene(2),
    'call-4': () => scene(3),
    'call-5': () => scene(4),
    'call-9': () => scene(8),
    'long-names': () => {
      const view = scene(4);
      const long = 'Maximiliane-Theodora von und zu Hohenfels-Wartenberg the Third';
      view.snapshot.call?.participants.forEach((them, index) => (them.name = index % 2 ? '李小龍 · 開発チーム' : long));
      return view;
    },
    'no-video': () => scene(4, { participants: people(4).map((them) => ({ ...them, media: { mic: true, cam: false } })), me: { ...call().me, camera: { state: 'off' } } }),
    chat: () => {
      const view = scene(3, { chat: chat(41, now) });
      return { ...view, events: [...(view.events ?? []), [200, { type: 'chat', message: { id: 'x', from: 'Ben Okafor', author: 'p1', text: 'See you at three', at: now } }]] };
    },
    'chat-empty': () => scene(1),
    unread: () => ({ ...scene(2), events: [0, 1, 2].map((n) => [200, { type: 'chat', message: { id: `u${n}`, from: 'Ben Okafor', author: 'p1', text: 'Are you there?', at: now + n } }]) }),
    states: () => ({
      ...scene(4, {
        participants: [
          person(1, { state: 'connecting', media: null, tracks: [] }),
          person(2, { state: 'reconnecting' }),
          person(3),
          person(4, { media: { mic: false, cam: false } }),
        ],
        me: { ...call().me, mic: { state: 'failed', error: noMic }, camera: { state: 'failed', error: busy } },
      }),
    }),
    reconnecting: () => ({ ...scene(1), events: [[1500, { type: 'peer-state', id: 'p1', state: 'reconnecting' }]] }),
    'server-lost': () => ({ ...scene(2), events: [[200, { type: 'call-state', state: 'server-lost' }]] }),
    'no-sound': () => withMe({ speaker: { state: 'failed', error: noSpeaker }, mic: { state: 'failed', error: noMic } }, 1),
    'muted-hint': () => ({ ...withMe({ mic: { state: 'off' } }, 2), events: talking(['self']) }),
    notices: () => ({
      ...scene(2),
      events: [
        [200, { type: 'notice', notice: { urgent: true, error: error('peer-unreachable', 'One person can’t be reached directly. A TURN server would help; ask who runs the server.', 'ICE failed with p7 after 30 s') } }],
        [250, { type: 'notice', notice: { urgent: false, error: busy } }],
      ],
    }),
    arrivals: () => ({ ...scene(1), events: [[400, { type: 'peer-connect', participant: person(2) }], [900, { type: 'peer-disconnect', id: 'p1' }]], pictures: handles(2) }),
    screen: () => {
      const view = scene(2);
      view.snapshot.call?.participants[0]?.tracks.push({ handle: 50, kind: 'video', stream: 'screen', event: 'screen', refused: null });
      return { ...view, pictures: [...handles(2), 50] };
    },
    'open-link': () => ({ ...scene(2), events: [[300, { type: 'open-link', link: 'https://meet.example.org/r/weekly-planning' }]] }),
  };
}
