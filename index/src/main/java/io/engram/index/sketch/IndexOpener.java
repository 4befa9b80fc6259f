package io.engram.index.sketch;

import io.engram.index.DamagedIndexException;
import io.engram.index.DamagedSegment;
import io.engram.index.DirectoryLocks;
import io.engram.index.HnswParameters;
import io.engram.index.VectorSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;

/** Makes a {@link SegmentedIndex} of what a directory holds. Stateless. */
final class IndexOpener {
    private IndexOpener() {}

    /**
     * Opens the index in a directory as it was at its last commit; a new one when there was none.
     *
     * @param lock on the directory; the index gives it up when it is closed, the caller when this fails
     * @throws DamagedIndexException when the manifest is damaged, of another version or of other parameters; the directory is
     *     left as it is
     * @throws IOException when a file cannot be read
     */
    static SegmentedIndex.Opened open(
            DirectoryLocks.Held lock,
            int dimension,
            HnswParameters parameters,
            VectorSource source,
            Executor executor,
            ScratchPool scratches,
            SegmentedIndex.Settings settings)
            throws IOException {
        IndexDirectory.Opened opened = IndexDirectory.open(lock, dimension, parameters, settings.steps());
        IdHash hash = opened.manifest().map(Manifest::hash).orElseGet(settings.hash());
        List<SealedSegment> sealed = new ArrayList<>();
        List<OpenPart> open = new ArrayList<>();
        List<DamagedSegment> damaged = new ArrayList<>();
        for (Manifest.Part part : opened.manifest().map(Manifest::parts).orElse(List.of())) {
            Path file = opened.directory().segment(part.number());
            try {
                SealedSegment segment =
                        SealedSegment.open(file, part.number(), dimension, scratches.rotation(), parameters);
                segment.requireSame(part);
                segment.deadEntries().restore(part.deadBits());
                if (part.kind() == SegmentHeader.SEALED) {
                    sealed.add(segment);
                } else {
                    open.add(inHeap(segment, dimension, parameters, hash, scratches));
                }
            } catch (DamagedIndexException e) {
                damaged.add(new DamagedSegment(file, part.entries(), e));
            }
        }
        SegmentedIndex index = new SegmentedIndex(
                opened, new View(sealed, open), dimension, parameters, hash, source, executor, scratches, settings);
        return new SegmentedIndex.Opened(
                index, opened.manifest().map(manifest -> manifest.userData().clone()), damaged);
    }

    private static OpenPart inHeap(
            SealedSegment file, int dimension, HnswParameters parameters, IdHash hash, ScratchPool scratches)
            throws DamagedIndexException {
        file.verify();
        OpenPart part = OpenPart.of(OpenSegment.of(file, dimension, scratches.rotation(), parameters), hash);
        part.saved(file.number(), file.size(), file.header().checksum());
        return part;
    }
}
