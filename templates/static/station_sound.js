// A high tone for right, a low one for wrong. Never alone: the words and their colour say the same.

const MUTED = "returndesk-muted";
let audio = null;

// Browsers let a page make sounds only once somebody has touched or typed something.
for (const gesture of ["pointerdown", "keydown"]) {
  addEventListener(gesture, () => {
    if (!audio && !isMuted()) audio = new AudioContext();
    if (audio?.state === "suspended") audio.resume();
  }, true);
}

export const isMuted = () => localStorage.getItem(MUTED) === "yes";

export function mute(muted) {
  localStorage.setItem(MUTED, muted ? "yes" : "no");
}

export function tone(isRight) {
  if (!audio || isMuted()) return;
  const at = audio.currentTime;
  const [pitch, form, seconds] = isRight ? [1175, "sine", 0.12] : [196, "square", 0.4];
  const source = audio.createOscillator();
  const volume = audio.createGain();
  source.type = form;
  source.frequency.value = pitch;
  volume.gain.setValueAtTime(0.2, at);
  volume.gain.exponentialRampToValueAtTime(0.001, at + seconds);
  source.connect(volume).connect(audio.destination);
  source.start(at);
  source.stop(at + seconds);
}
