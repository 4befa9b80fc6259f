package io.engram.index.sketch;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** The segments of an index at one moment. Does not change; the segments do. */
final class View {
    static final View EMPTY = new View(List.of(), List.of());

    private final List<SealedSegment> sealed;
    private final List<OpenPart> open;
    private final OpenSegment[] openSegments;
    private final Segment[] all;

    /** @param open parts that entries are appended to, and full ones that have no file yet */
    View(List<SealedSegment> sealed, List<OpenPart> open) {
        this.sealed = List.copyOf(sealed);
        this.open = List.copyOf(open);
        this.openSegments = open.stream().map(OpenPart::segment).toArray(OpenSegment[]::new);
        this.all = Stream.concat(sealed.stream(), Stream.of(openSegments)).toArray(Segment[]::new);
    }

    /** An entry. */
    record Location(Segment segment, int ordinal) {
        long generation() {
            return segment.generation(ordinal);
        }
    }

    List<SealedSegment> sealed() {
        return sealed;
    }

    List<OpenPart> open() {
        return open;
    }

    /** In the order of {@link #open}; not to be changed. */
    OpenSegment[] openSegments() {
        return openSegments;
    }

    /** Not to be changed. */
    Segment[] all() {
        return all;
    }

    /** The live entry of an id. The newest segments are asked first: what changes is likely to have changed before. */
    Optional<Location> find(IdHash.Key key) {
        for (int i = open.size() - 1; i >= 0; i--) {
            int ordinal = open.get(i).find(key);
            if (ordinal != IdTable.NONE && openSegments[i].isLive(ordinal)) {
                return Optional.of(new Location(openSegments[i], ordinal));
            }
        }
        for (int i = sealed.size() - 1; i >= 0; i--) {
            int ordinal = sealed.get(i).find(key);
            if (ordinal != IdTable.NONE && sealed.get(i).isLive(ordinal)) {
                return Optional.of(new Location(sealed.get(i), ordinal));
            }
        }
        return Optional.empty();
    }

    int live() {
        int live = 0;
        for (Segment segment : all) {
            live += segment.size() - segment.dead();
        }
        return live;
    }

    View with(OpenPart part) {
        List<OpenPart> more = new ArrayList<>(open);
        more.add(part);
        return new View(sealed, more);
    }

    /** With another segment, or none, in the place of these. */
    View replaced(List<? extends Segment> gone, Optional<SealedSegment> by) {
        List<SealedSegment> left = new ArrayList<>(sealed);
        left.removeAll(gone);
        by.ifPresent(left::add);
        return new View(
                left,
                open.stream().filter(part -> !gone.contains(part.segment())).toList());
    }
}
