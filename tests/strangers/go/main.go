// Command stranger verifies an exported audit log with the Go project's own packages for transparency logs and
// nothing of ours: golang.org/x/mod/sumdb/note for the checkpoint, golang.org/x/mod/sumdb/tlog for the tree.
//
//	stranger -vkey KEY [-old CHECKPOINT] [-inclusion N] DIR
//
// It hashes every entry of every bundle, derives every tile again and compares the bytes, checks proofs of
// inclusion (of each entry, or of N spread evenly) and that the log begins with an older checkpoint.
// Exit code 0: accepted. 1: refused, and why. 2: the command was not understood.
package main

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height = 8
	width  = 1 << height
)

func main() {
	vkey := flag.String("vkey", "", "the log's verifier key")
	old := flag.String("old", "", "file of a checkpoint kept from earlier")
	inclusion := flag.Int64("inclusion", 0, "entries whose inclusion is proved and checked; 0: all")
	flag.Parse()
	if flag.NArg() != 1 || *vkey == "" {
		flag.Usage()
		os.Exit(2)
	}
	size, root, err := verify(flag.Arg(0), *vkey, *old, *inclusion)
	if err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
	fmt.Printf("accepted: %d entries, root %v\n", size, root)
}

func verify(dir, vkey, old string, inclusion int64) (int64, tlog.Hash, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	signed, err := checkpoint(filepath.Join(dir, "checkpoint"), verifier)
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	hashes, err := hashEntries(dir, signed.N)
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	root, err := tlog.TreeHash(signed.N, hashes)
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	if root != signed.Hash {
		return 0, tlog.Hash{}, fmt.Errorf("the entries have root %v, the checkpoint says %v", root, signed.Hash)
	}
	if err := compareTiles(dir, signed.N, hashes); err != nil {
		return 0, tlog.Hash{}, err
	}
	if err := authenticateTiles(dir, signed, hashes); err != nil {
		return 0, tlog.Hash{}, err
	}
	if err := proveInclusion(signed, hashes, inclusion); err != nil {
		return 0, tlog.Hash{}, err
	}
	if old != "" {
		if err := proveConsistency(old, verifier, signed, hashes); err != nil {
			return 0, tlog.Hash{}, err
		}
	}
	return signed.N, root, nil
}

// checkpoint opens a signed note and reads the tree in it, whose first line must be the key's name.
func checkpoint(path string, verifier note.Verifier) (tlog.Tree, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("checkpoint: %w", err)
	}
	origin, rest, _ := strings.Cut(opened.Text, "\n")
	if origin != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("checkpoint is about %q", origin)
	}
	// The Go checksum database has its own first line; size and root follow it in the same form.
	return tlog.ParseTree([]byte("go.sum database tree\n" + rest))
}

// hashEntries reads every bundle and returns all hashes of the tree over its entries.
func hashEntries(dir string, size int64) (storedHashes, error) {
	var hashes storedHashes
	for first := int64(0); first < size; first += width {
		wide := min(size-first, width)
		tile := tlog.Tile{H: height, L: 0, N: first / width, W: int(wide)}
		path := tilePath(tile, "entries")
		bundle, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			return nil, err
		}
		for n := first; n < first+wide; n++ {
			if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
				return nil, fmt.Errorf("%s ends within entry %d", path, n)
			}
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			added, err := tlog.StoredHashes(n, bundle[2:end], hashes)
			if err != nil {
				return nil, err
			}
			hashes = append(hashes, added...)
			bundle = bundle[end:]
		}
		if len(bundle) != 0 {
			return nil, fmt.Errorf("%s goes on after entry %d", path, first+wide-1)
		}
	}
	return hashes, nil
}

// compareTiles derives every tile of the tree and compares it with its file, byte for byte.
func compareTiles(dir string, size int64, hashes storedHashes) error {
	for _, tile := range tlog.NewTiles(height, 0, size) {
		derived, err := tlog.ReadTileData(tile, hashes)
		if err != nil {
			return err
		}
		path := tilePath(tile, fmt.Sprint(tile.L))
		stored, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			return err
		}
		if !bytes.Equal(derived, stored) {
			return fmt.Errorf("%s is not made of the entries' hashes", path)
		}
	}
	return nil
}

// authenticateTiles reads leaf hashes the way a client does: from the tiles alone, each proved up to the signed root.
func authenticateTiles(dir string, signed tlog.Tree, hashes storedHashes) error {
	reader := tlog.TileHashReader(signed, directory(dir))
	for first := int64(0); first < signed.N; first += width {
		var indexes []int64
		for n := first; n < min(first+width, signed.N); n++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, n))
		}
		proved, err := reader.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for at, index := range indexes {
			if proved[at] != hashes[index] {
				return fmt.Errorf("entry %d is not what the tiles prove", first+int64(at))
			}
		}
	}
	return nil
}

func proveInclusion(signed tlog.Tree, hashes storedHashes, count int64) error {
	step := int64(1)
	if count > 0 && count < signed.N {
		step = signed.N / count
	}
	for n := int64(0); n < signed.N; n += step {
		proof, err := tlog.ProveRecord(signed.N, n, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, signed.N, signed.Hash, n, hashes[tlog.StoredHashIndex(0, n)]); err != nil {
			return fmt.Errorf("inclusion of entry %d: %w", n, err)
		}
	}
	return nil
}

func proveConsistency(path string, verifier note.Verifier, signed tlog.Tree, hashes storedHashes) error {
	old, err := checkpoint(path, verifier)
	if err != nil {
		return fmt.Errorf("old %w", err)
	}
	if old.N > signed.N {
		return fmt.Errorf("rolled back: %d entries were signed before, now %d", old.N, signed.N)
	}
	proof, err := tlog.ProveTree(signed.N, old.N, hashes)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, signed.N, signed.Hash, old.N, old.Hash); err != nil {
		return fmt.Errorf("rewritten since the old checkpoint over %d entries: %w", old.N, err)
	}
	return nil
}

// tilePath names a tile as C2SP tlog-tiles does: like the Go checksum database, but without the height.
func tilePath(tile tlog.Tile, level string) string {
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/%d/", height, tile.L))
	return "tile/" + level + "/" + path
}

// storedHashes holds every hash of the tree in the order of tlog.StoredHashIndex.
type storedHashes []tlog.Hash

func (s storedHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for at, index := range indexes {
		if index >= int64(len(s)) {
			return nil, fmt.Errorf("the tree has no hash %d", index)
		}
		found[at] = s[index]
	}
	return found, nil
}

// directory serves the tiles of an export.
type directory string

func (directory) Height() int { return height }

func (d directory) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	read := make([][]byte, len(tiles))
	for at, tile := range tiles {
		data, err := os.ReadFile(filepath.Join(string(d), tilePath(tile, fmt.Sprint(tile.L))))
		if err != nil {
			return nil, err
		}
		read[at] = data
	}
	return read, nil
}

func (directory) SaveTiles([]tlog.Tile, [][]byte) {}
