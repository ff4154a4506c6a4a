// Reads files with c2pa-ts, which shares no code with c2pa-rs; prints a line of JSON for each.
import * as fs from 'node:fs/promises';
import { BMFF, JPEG, PNG } from '@trustnxt/c2pa-ts/asset';
import { SuperBox } from '@trustnxt/c2pa-ts/jumbf';
import { ManifestStore, ValidationResult } from '@trustnxt/c2pa-ts/manifest';

// It reads all files of boxes alike, but asks for the brand of HEIC by itself.
for (const brand of ['isom', 'qt  ', 'avif']) BMFF.canReadBrands.add(brand);

for (const file of process.argv.slice(2)) {
  const data = await fs.readFile(file);
  let result;
  try {
    const asset = new ([JPEG, PNG, BMFF].find((kind) => kind.canRead(data)))(data);
    const store = ManifestStore.read(SuperBox.fromBuffer(asset.getManifestJUMBF()));
    result = await store.validate(asset);
  } catch (error) {
    result = ValidationResult.fromError(error);
  }
  const codes = result.statusEntries.map((entry) => entry.code);
  console.log(JSON.stringify({ file, valid: result.isValid, codes }));
}
