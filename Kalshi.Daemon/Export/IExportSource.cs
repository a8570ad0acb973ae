using Kalshi.Daemon.Books;
using Kalshi.Daemon.Journal;

namespace Kalshi.Daemon.Export;

/// <summary>
/// What an <see cref="Exporter"/> reads, told to an <see cref="IReplaySink"/> in order of position. It can stop at the end of an hour and
/// go on in another process. One thread.
/// </summary>
internal interface IExportSource : IDisposable
{
    /// <summary>Position of what was told last.</summary>
    long Position { get; }

    /// <summary>How much was read: records of a journal, rows of a store.</summary>
    long Count { get; }

    /// <summary>Damages of a journal, as far as they have been told.</summary>
    IReadOnlyList<Damage> Damages { get; }

    /// <summary>
    /// Tells everything. Before anything at or behind the end of the hour under way, and at first, it calls `nextHour` with that position;
    /// that ends the hour, begins the next and returns its end.
    /// </summary>
    void Run(Func<long, long> nextHour);

    /// <summary>Tells what is open at the end of what was told.</summary>
    void Finish();

    /// <summary>Whether nothing more is to be expected in the hour, the last that was told.</summary>
    bool IsOver(Hour hour);

    /// <summary>Ids of stream trades received since a minute before the stamp, for trades that the window of ids has forgotten.</summary>
    HashSet<UInt128> TradeIdsSince(long exchangeAt);

    /// <summary>Writes what a source that goes on behind the hour needs.</summary>
    void Save(Stream state);

    /// <summary>Tells retention that everything up to the hour's end is exported.</summary>
    void MoveCursor(Hour hour);
}

/// <summary>Makes a source that tells the sink; `state` is what <see cref="IExportSource.Save"/> wrote, or null to begin at the beginning.</summary>
internal delegate IExportSource OpenExportSource(IReplaySink sink, Stream? state);
