using Kalshi.Daemon.Journal;

namespace Kalshi.Daemon.Books;

/// <summary>A journal directory through a <see cref="Replay"/>, damages told where they lie.</summary>
internal static class JournalReplay
{
    /// <summary>
    /// Replays the records stamped after `after` up to and including `until`, then calls <see cref="Replay.Finish"/>. With `after` &gt; 0 and a
    /// fresh replay, rows lack the epochs and coverage that began earlier: give the saved state instead.
    /// </summary>
    /// <returns>The damages met.</returns>
    public static IReadOnlyList<Damage> Run(string directory, IReplaySink sink, long after = 0, long until = long.MaxValue) =>
        Run(directory, new Replay(sink), after, until);

    public static IReadOnlyList<Damage> Run(string directory, Replay replay, long after = 0, long until = long.MaxValue)
    {
        using var reader = new JournalReader(directory, after, until);
        var damages = Feed(reader, replay);
        replay.Finish();
        return damages;
    }

    /// <summary>As Run, to the reader's end and without the finish. `isEnough`, when given, is asked after each record.</summary>
    public static IReadOnlyList<Damage> Feed(JournalReader reader, Replay replay, Func<bool>? isEnough = null)
    {
        var told = 0;
        while (isEnough?.Invoke() != true && reader.TryRead(out var record))
        {
            for (; told < reader.Damages.Count; told++)
            {
                replay.Feed(reader.Damages[told]);
            }

            replay.Feed(record);
        }

        for (; told < reader.Damages.Count; told++)
        {
            replay.Feed(reader.Damages[told]);
        }

        return reader.Damages;
    }
}
