// node ajv.cjs AJV_FOLDER SCHEMA FILE: is FILE (JSON, or JSON lines) what SCHEMA says? Prints what is
// not, and exits 1.
const fs = require("fs");
const path = require("path");
const [folder, schemaFile, file] = process.argv.slice(2);
const Ajv = require(require.resolve("ajv/dist/2020", { paths: [folder] }));

const ajv = new Ajv({ strict: true, allErrors: true, allowUnionTypes: true });
ajv.addKeyword("unit"); // for people
// A $ref names a schema beside it.
for (const name of fs.readdirSync(path.dirname(schemaFile)))
  ajv.addSchema(JSON.parse(fs.readFileSync(path.join(path.dirname(schemaFile), name), "utf8")), name);
const validate = ajv.getSchema(path.basename(schemaFile));
const text = fs.readFileSync(file, "utf8");
const documents = file.endsWith(".jsonl")
  ? text.split("\n").filter(Boolean).map((line) => JSON.parse(line))
  : [JSON.parse(text)];
if (documents.length === 0) throw new Error(`${file} is empty`);
for (const document of documents) {
  if (validate(document)) continue;
  console.log(ajv.errorsText(validate.errors, { separator: "\n" }));
  process.exit(1);
}
