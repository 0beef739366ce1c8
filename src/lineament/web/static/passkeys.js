// Passkeys: the browser asks the authenticator what the page was asked to ask, and the answer goes with the form.

const toBytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const withBytes = (list) => (list ?? []).map((one) => ({ ...one, id: toBytes(one.id) }));

const ASK = {
  async create(options) {
    const publicKey = {
      ...options,
      challenge: toBytes(options.challenge),
      user: { ...options.user, id: toBytes(options.user.id) },
      excludeCredentials: withBytes(options.excludeCredentials),
    };
    const made = await navigator.credentials.create({ publicKey });
    const { clientDataJSON, attestationObject } = made.response;
    return answer(made, { clientDataJSON, attestationObject });
  },
  async get(options) {
    const publicKey = {
      ...options,
      challenge: toBytes(options.challenge),
      allowCredentials: withBytes(options.allowCredentials),
    };
    const shown = await navigator.credentials.get({ publicKey });
    const { clientDataJSON, authenticatorData, signature } = shown.response;
    return answer(shown, { clientDataJSON, authenticatorData, signature });
  },
};

function answer(credential, response) {
  const inText = Object.fromEntries(Object.entries(response).map(([name, buffer]) => [name, toText(buffer)]));
  return JSON.stringify({ id: credential.id, rawId: toText(credential.rawId), type: credential.type, response: inText });
}

const WRONG = {
  NotAllowedError: "No passkey was used: it was cancelled, or took too long. Press the button to try again.",
  InvalidStateError: "This device already has a passkey of your account.",
};

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const said = form.querySelector("[role=alert]");
  if (!globalThis.PublicKeyCredential) {
    said.textContent = "This browser has no passkeys; use another one, or a code.";
    said.hidden = false;
  }
  form.addEventListener("submit", async (event) => {
    if (form.elements.passkey.value) return;
    event.preventDefault();
    said.hidden = true;
    try {
      form.elements.passkey.value = await ASK[form.dataset.passkey](JSON.parse(form.dataset.options));
      form.submit();
    } catch (error) {
      said.textContent = WRONG[error.name] ?? "The passkey could not be used here.";
      said.hidden = false;
    }
  });
}
