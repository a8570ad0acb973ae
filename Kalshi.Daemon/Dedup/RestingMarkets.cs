using Kalshi.Daemon.Books;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// Markets of which nothing was told lately, as bytes: of a million markets nearly all are quiet, and as objects each would take four times as much, ten times while books
/// of several gatherers wait for time to pass. The form is that of the merge's memory. One thread.
/// </summary>
internal sealed class RestingMarkets
{
    private readonly MergeContext _context;
    private readonly MemoryStream _stream = new();
    private readonly StateWriter _writer;
    private readonly StateReader _reader;

    public RestingMarkets(MergeContext context)
    {
        _context = context;
        (_writer, _reader) = (new StateWriter(_stream), new StateReader(_stream));
    }

    /// <summary>One that <see cref="MarketMerge.IsQuiet"/>, or one that was just read.</summary>
    public byte[] Pack(MarketMerge market)
    {
        _stream.SetLength(0);
        market.Write(_writer);
        _writer.Flush();
        return _stream.ToArray();
    }

    /// <summary>The market as it was.</summary>
    public MarketMerge Unpack(int id, byte[] packed)
    {
        _stream.SetLength(0);
        _stream.Write(packed);
        _stream.Position = 0;
        var market = new MarketMerge(id, _context);
        market.Read(_reader, _context.Settings.Gatherers);
        return market;
    }
}
