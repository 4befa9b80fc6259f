package io.engram.topology.progress;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class CatchUpTest {
    private final CatchUp catchUp = new CatchUp();

    @Test
    void shouldWaitForWhatWasThereAtTheFirstLook() {
        assertFalse(catchUp.look(0, 500));
        assertFalse(catchUp.look(499, 700));
        assertTrue(catchUp.look(500, 900), "what came later is a matter of the lag");
    }

    @Test
    void shouldStayCaughtUpHoweverFarTheEndRunsAhead() {
        assertTrue(catchUp.look(7, 7));
        assertTrue(catchUp.look(7, 100_000));
    }

    @Test
    void shouldTakeAnEmptyChangelogForAllThereIs() {
        assertTrue(catchUp.look(0, 0));
    }

    @Test
    void shouldHaveAllAfterItProcessedTheLanesItself() {
        catchUp.hasAll();
        assertTrue(catchUp.look(0, 500));
    }

    @Test
    void shouldFollowAChangelogThatBecameShorter() {
        assertFalse(catchUp.look(10, 500));
        assertTrue(catchUp.look(20, 20));
    }

    @Test
    void shouldWaitForNothingFromMarkersAtTheEnd() {
        assertFalse(catchUp.look(499, 500));
        for (int look = 1; look < CatchUp.STILL_LOOKS; look++) {
            assertFalse(catchUp.look(499, 500), "after " + look + " looks");
        }
        assertTrue(catchUp.look(499, 500));
    }

    @Test
    void shouldNotGiveUpOnOneThatStillGetsSomething() {
        for (int look = 0; look < 10 * CatchUp.STILL_LOOKS; look++) {
            assertFalse(catchUp.look(look, 500), "after " + look + " records");
        }
    }
}
