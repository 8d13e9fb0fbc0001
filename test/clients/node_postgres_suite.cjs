// Loaded before each file of node-postgres's own tests: its runner of tests ends the program at the
// first that fails, this one tells each test's end as a line of the file TOLD and goes on. Tests
// named in SKIPPED (a JSON array) are told as such and not run.
const { appendFileSync } = require("node:fs");
const Module = require("node:module");

const skipped = new Set(JSON.parse(process.env.SKIPPED || "[]"));
const tell = (end, name, problem) =>
  appendFileSync(process.env.TOLD, `${JSON.stringify([end, name, problem && String(problem.stack || problem)])}\n`);
const longest = 50000;

const run = (action) => new Promise((resolve, reject) => {
  const timer = setTimeout(() => reject(new Error("it didn't end")), longest);
  const done = (problem) => { clearTimeout(timer); if (problem) reject(problem); else resolve(); };
  try {
    if (action.length > 0) action(done);
    else Promise.resolve(action()).then(() => done(), (problem) => done(problem || new Error("rejected")));
  } catch (problem) {
    done(problem);
  }
});

class Suite {
  #last = Promise.resolve();

  test(name, action) {
    this.#last = this.#last.then(async () => {
      if (!action || skipped.has(name)) return tell("skipped", name);
      tell("begun", name);
      return run(action).then(() => tell("passed", name), (problem) => tell("failed", name, problem));
    });
  }
}

const load = Module._load;
Module._load = function loadInstead(request, ...rest) {
  return request === "./suite" ? Suite : load.call(this, request, ...rest);
};
