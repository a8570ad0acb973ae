namespace Kalshi.Daemon.Primitives;

/// <summary>"Did you mean" for options, keys and modes.</summary>
internal static class Spelling
{
    /// <summary>` (did you mean "x"?)` for the nearest candidate within a third of its length, else an empty string.</summary>
    public static string DidYouMean(string wrong, IEnumerable<string> candidates, string prefix = "")
    {
        var best = candidates.Select(candidate => (candidate, distance: Distance(wrong, candidate))).OrderBy(pair => pair.distance).FirstOrDefault();
        return best.candidate is not null && best.distance <= Math.Max(2, best.candidate.Length / 3)
            ? $" (did you mean \"{prefix}{best.candidate}\"?)" : "";
    }

    /// <summary>Levenshtein distance, one row at a time.</summary>
    public static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(Math.Min(row[j] + 1, row[j - 1] + 1), substitute);
            }
        }

        return row[b.Length];
    }
}
