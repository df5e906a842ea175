package swabstream.peer;

import java.time.LocalDate;

/** The numbers of an area as a message: every window that ends on a day. */
final class Positivity {
    static final int DAYS = 14;
    static final int KINDS = 48;
    private static final int[] WINDOWS = {1, 3, 7, DAYS};
    private static final double Z = 1.959963984540054;

    private final Message all = new Message();
    private final Message ofPurpose = new Message();
    private final Message ofWindow = new Message();
    private final Message proportion = new Message();

    /** `days[g]` are the cells of the day g days before the end, by purpose and kind; null where there are none. */
    byte[] message(String area, int end, long population, long nowMillis, int[][][] days) {
        all.clear().text(1, area).text(2, LocalDate.ofEpochDay(end).toString());
        proportion.clear().number(1, nowMillis / 1_000).number(2, nowMillis % 1_000 * 1_000_000);
        all.message(3, proportion).number(4, population);
        for (int purpose = 0; purpose < Registry.PURPOSES.size(); purpose++) {
            long[] longest = sums(days, purpose, DAYS);
            if (purpose > 0 && longest[0] + longest[1] + longest[2] + longest[3] == 0) {
                continue;
            }
            ofPurpose.clear().text(1, Registry.PURPOSES.get(purpose));
            for (int window : WINDOWS) {
                write(window, window == DAYS ? longest : sums(days, purpose, window), population);
                ofPurpose.message(2, ofWindow);
            }
            all.message(5, ofPurpose);
        }
        return all.toBytes();
    }

    /** Positive, negative and other tests, cases, people positive, people tested. */
    private static long[] sums(int[][][] days, int purpose, int window) {
        long[] sums = new long[6];
        for (int age = 0; age < window; age++) {
            int[][] day = days[age];
            if (day == null) {
                continue;
            }
            // People of the total are counted as such; tests and cases add over purposes.
            int first = purpose == 0 ? 1 : purpose;
            int last = purpose == 0 ? Registry.PURPOSES.size() - 1 : purpose;
            for (int of = first; of <= last; of++) {
                sums[0] += day[of][LabResult.POSITIVE];
                sums[1] += day[of][LabResult.NEGATIVE];
                sums[2] += day[of][1] + day[of][2];
                sums[3] += day[of][Changes.CASES];
            }
            for (int gap = age + 1; gap <= Changes.FARTHEST; gap++) {
                sums[4] += day[purpose][Changes.FOUND_POSITIVE + gap];
                sums[5] += day[purpose][Changes.TESTED + gap];
            }
        }
        return sums;
    }

    private void write(int window, long[] sums, long population) {
        long tests = sums[0] + sums[1];
        ofWindow.clear().number(1, window).number(2, sums[0]).number(3, tests).number(4, sums[2]);
        ofWindow.present(5, sums[4]).present(6, sums[5]).number(7, sums[3]).number(8, sums[3]);
        if (tests > 0) {
            ofWindow.message(9, proportion(sums[0], tests));
        }
        if (sums[5] > 0) {
            ofWindow.message(10, proportion(sums[4], sums[5]));
        }
        if (tests > 0) {
            ofWindow.real(11, (double) sums[4] / tests);
        }
        if (population > 0) {
            ofWindow.real(12, sums[3] * 1e5 / population).real(13, tests * 1e5 / population);
        }
    }

    private Message proportion(long part, long whole) {
        double share = (double) part / whole;
        double denominator = 1 + Z * Z / whole;
        double centre = (share + Z * Z / (2 * whole)) / denominator;
        double half = Z / denominator * Math.sqrt(share * (1 - share) / whole + Z * Z / (4.0 * whole * whole));
        return proportion.clear().real(1, share).real(2, Math.max(0, centre - half)).real(3, Math.min(1, centre + half));
    }
}
