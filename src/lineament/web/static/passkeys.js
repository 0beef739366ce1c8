// Passkeys: the browser passes the server's request to the authenticator, and the form carries the answer back.

const toBytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const withBytes = (list) => (list ?? []).map((credential) => ({ ...credential, id: toBytes(credential.id) }));

const ASK = {
  async create(options) {
    const publicKey = {
      ...options,
      challenge: toBytes(options.challenge),
      user: { ...options.user, id: toBytes(options.user.id) },
      excludeCredentials: withBytes(options.excludeCredentials),
    };
    const created = await navigator.credentials.create({ publicKey });
    const { clientDataJSON, attestationObject } = created.response;
    return answer(created, { clientDataJSON, attestationObject });
  },
  async get(options) {
    const publicKey = {
      ...options,
      challenge: toBytes(options.challenge),
      allowCredentials: withBytes(options.allowCredentials),
    };
    const proof = await navigator.credentials.get({ publicKey });
    const { clientDataJSON, authenticatorData, signature } = proof.response;
    return answer(proof, { clientDataJSON, authenticatorData, signature });
  },
};

function answer(credential, response) {
  const inText = Object.fromEntries(Object.entries(response).map(([name, buffer]) => [name, toText(buffer)]));
  return JSON.stringify({ id: credential.id, rawId: toText(credential.rawId), type: credential.type, response: inText });
}

const MESSAGES = {
  NotAllowedError: "No passkey was used: it was cancelled or took too long. Press the button to try again.",
  InvalidStateError: "This device already has a passkey of your account.",
};

const prepare = (form) => {
  const alert = form.querySelector("[role=alert]");
  if (!globalThis.PublicKeyCredential) {
    alert.textContent = "This browser has no passkeys; use another one, or a code.";
    alert.hidden = false;
  }
  form.addEventListener("submit", async (event) => {
    if (form.elements.passkey.value) return;
    event.preventDefault();
    alert.hidden = true;
    try {
      form.elements.passkey.value = await ASK[form.dataset.passkey](JSON.parse(form.dataset.options));
      form.requestSubmit();
    } catch (error) {
      alert.textContent = MESSAGES[error.name] ?? "The passkey could not be used here.";
      alert.hidden = false;
    }
  });
  form.querySelector("button").disabled = false; // pressed before, it would send an empty form
};
document.querySelectorAll("form[data-passkey]").forEach(prepare);
