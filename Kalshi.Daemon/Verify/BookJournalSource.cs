using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Journal;

namespace Kalshi.Daemon.Verify;

/// <summary>A journal into a <see cref="BookAt"/>.</summary>
internal sealed class BookJournalSource(BookAt book) : IReplaySink
{
    private readonly byte[] _ticker = System.Text.Encoding.UTF8.GetBytes(book.Ticker);

    /// <summary>A later frame of each epoch that holds the market's snapshot decides whether the instant was covered.</summary>
    private readonly HashSet<long> _undecided = [];
    private bool _isPast;
    private bool _isSeen;

    /// <summary>
    /// Reads on past the instant until it is certain whether it was covered: a loss shows at the next frame of the sid, or when
    /// its session ends. A market not seen by then is looked for to the journal's end.
    /// </summary>
    public static void Read(string directory, BookAt book)
    {
        var source = new BookJournalSource(book);
        var replay = new Replay(source);
        using var reader = new JournalReader(directory);
        JournalReplay.Feed(reader, replay, () => source._isPast && source._isSeen && source._undecided.Count == 0);
        replay.Finish();
        book.ReadTo = replay.Position;
    }

    public void OnRow(in RowOrigin origin, Message message, ReadOnlySpan<byte> frame)
    {
        if (origin.ReceivedAt > book.At)
        {
            _isPast = true;
            _undecided.Remove(origin.EpochId);
        }

        if (message.Type == FrameType.OrderbookSnapshot)
        {
            OnSnapshot(origin, message);
        }
        else if (message.Type == FrameType.OrderbookDelta && message.Ticker.SequenceEqual(_ticker))
        {
            book.OnDelta(Key(origin), message.Side, message.Price, message.Delta);
        }
    }

    private void OnSnapshot(in RowOrigin origin, Message message)
    {
        book.Tickers.GetOrAdd(message.Ticker);
        if (!message.Ticker.SequenceEqual(_ticker))
        {
            return;
        }

        _isSeen = true;
        if (origin.ReceivedAt <= book.At)
        {
            _undecided.Add(origin.EpochId);
        }

        book.OnSnapshot(Key(origin), message.Yes, message.No);
    }

    private static RowKey Key(in RowOrigin origin) => new(origin.EpochId, origin.Seq, origin.ReceivedAt);

    public void OnEpoch(Epoch epoch) => _undecided.Remove(epoch.EpochId);

    public void OnCoverage(in Coverage coverage) => book.OnCoverage(coverage);

    public void OnBackfilledTrade(in RowOrigin origin, Message message)
    {
        // Trades are no part of a book, nor are the rest.
    }

    public void OnRejected(in RowOrigin origin, Message message, string reason, ReadOnlySpan<byte> frame)
    {
    }

    public void OnUnknown(in RowOrigin origin, ReadOnlySpan<byte> frame)
    {
    }

    public void OnRestPage(long receivedAt, RestPage page, ReadOnlySpan<byte> body)
    {
    }
}
