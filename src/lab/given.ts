/** Files that a visitor gives: chosen, or dropped, folders with what is in them. */
import type { GivenFile } from './protocol.js';

/** What was given, with the name that it has for the visitor. */
export interface Gift {
  readonly label: string;
  /** Of a folder, by their paths in it. */
  readonly files: readonly GivenFile[];
}

/** Files, or a folder, that were chosen by an input. */
export function chosen(list: FileList): Gift {
  const files = [...list].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
  return files[0]?.path.includes('/') ? inFolder(files) : alone(files);
}

/** What was dropped. To be called while the event is handled. */
export async function dropped({ items }: DataTransfer): Promise<Gift> {
  const entries = [...items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const files = (await Promise.all(entries.map((entry) => filesOf(entry, entry.name)))).flat();
  return entries.length === 1 && entries[0]!.isDirectory ? inFolder(files) : alone(files);
}

/** Files of one folder, whose name their paths begin with; those of hidden folders in it, such as .git, are left out. */
function inFolder(files: readonly GivenFile[]): Gift {
  const [folder = ''] = files[0]?.path.split('/') ?? [];
  const inside = files.map(({ path, file }) => ({ path: path.slice(folder.length + 1), file }));
  return { label: folder, files: inside.filter(({ path }) => !/(^|\/)\./.test(path)) };
}

/** The file of weights gives the name. */
function alone(files: readonly GivenFile[]): Gift {
  const weights = files.find(({ path }) => /\.safetensors(\.index\.json)?$/.test(path));
  return { label: (weights ?? files[0])?.path ?? 'no files', files };
}

async function filesOf(entry: FileSystemEntry, path: string): Promise<GivenFile[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    return [{ path, file }];
  }
  const children = await childrenOf(entry as FileSystemDirectoryEntry);
  return (await Promise.all(children.map((child) => filesOf(child, `${path}/${child.name}`)))).flat();
}

async function childrenOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const children: FileSystemEntry[] = [];
  for (;;) {
    // It gives some at a time, and none at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) return children;
    children.push(...some);
  }
}
