package io.engram.topology.checks;

/** What holds of changes whatever a space holds, of one whose first memory goes to an index. */
class IndexedChangesTest extends ChangesTest {
    @Override
    int scanThreshold() {
        return 0;
    }
}
