using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Books;

/// <summary>Trades of REST pages. Cold path: a page is a thousand trades after a gap.</summary>
internal sealed partial class Replay
{
    /// <summary>The trades of a page's record; false when it is none of a backfill, or not readable.</summary>
    public static bool TryReadBackfill(ReadOnlySpan<byte> record, out RestTradesPage trades)
    {
        trades = default;
        return TryReadPage(record, out var page, out var body) && page.Purpose == BackfillPurpose && page.Status == 200 && RestTradesPage.TryOpen(body, out trades);
    }

    /// <summary>False when the page is no page of trades or one of its trades was rejected.</summary>
    private bool ReadBackfill(in RowOrigin origin, ReadOnlySpan<byte> body)
    {
        if (!RestTradesPage.TryOpen(body, out var page))
        {
            _sink.OnRejected(origin, new Message { Type = FrameType.Trade }, "trades page: no array of trades", body);
            return false;
        }

        var isWhole = true;
        foreach (var element in page)
        {
            if (_decoder.DecodeRestTrade(element) == DecodeVerdict.Decoded)
            {
                _sink.OnBackfilledTrade(origin, _decoder.Message);
            }
            else
            {
                isWhole = false;
                _sink.OnRejected(origin, _decoder.Message, _decoder.Reason, element);
            }
        }

        return isWhole;
    }
}
