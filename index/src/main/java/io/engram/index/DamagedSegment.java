package io.engram.index;

import java.nio.file.Path;

/**
 * A part of an index whose file is damaged: which memories were in it is not known, so the store has to be compared with the
 * index.
 *
 * @param file of the part
 * @param entries that were in it
 * @param cause what is wrong with the file
 */
public record DamagedSegment(Path file, int entries, DamagedIndexException cause) {}
