using System.Runtime.CompilerServices;

namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>
/// The `msg` of a trade in the spelling of 2026, keys in any order:
/// <code>
/// {"trade_id":"…","market_ticker":"…","yes_price_dollars":"0.6800","no_price_dollars":"0.3200","count_fp":"46.02","taker_side":"yes",
///  "taker_outcome_side":"yes","taker_book_side":"bid","is_block_trade":false,"ts":1785901540,"ts_ms":1785901540722}
/// </code>
/// As <see cref="DeltaScan"/>: reads every byte or answers false.
/// </summary>
internal static class TradeScan
{
    private const uint RequiredKeys = TradeId | Ticker | YesPrice | NoPrice | Count | OutcomeSide | BookSide;
    private const uint TradeId = 1;
    private const uint Ticker = 2;
    private const uint YesPrice = 4;
    private const uint NoPrice = 8;
    private const uint Count = 16;
    private const uint OldSide = 32;
    private const uint OutcomeSide = 64;
    private const uint BookSide = 128;
    private const uint IsBlock = 256;
    private const uint Ts = 512;
    private const uint TsMs = 1024;

    public static bool TryRead(ReadOnlySpan<byte> frame, JsonValue payload, Message message)
    {
        var at = payload.Start + 1;
        var seconds = Message.Absent;
        var milliseconds = Message.Absent;
        var seen = 0u;
        message.IsBlockTrade = -1;
        do
        {
            if (!WireScan.TryPass(frame, ref at, (byte)'"'))
            {
                return false;
            }

            var name = frame[at..];
            var key = FindKey(name[..Math.Max(0, name.IndexOf((byte)'"'))], out var length);
            at += length + 2;
            if (key == 0 || (seen & key) != 0 || (uint)at >= (uint)frame.Length || frame[at - 1] != ':'
                || !TryReadValue(frame, key, ref at, message, ref seconds, ref milliseconds))
            {
                return false;
            }

            seen |= key;
        }
        while (WireScan.TryPass(frame, ref at, (byte)','));

        message.ExchangeAt = Times.Choose(Message.Absent, milliseconds, seconds);
        return at == payload.End - 1 && (seen & RequiredKeys) == RequiredKeys;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint FindKey(ReadOnlySpan<byte> name, out int length)
    {
        length = name.Length;
        return length switch
        {
            2 when name.SequenceEqual("ts"u8) => Ts,
            5 when name.SequenceEqual("ts_ms"u8) => TsMs,
            8 when name.SequenceEqual("trade_id"u8) => TradeId,
            8 when name.SequenceEqual("count_fp"u8) => Count,
            10 when name.SequenceEqual("taker_side"u8) => OldSide,
            13 when name.SequenceEqual("market_ticker"u8) => Ticker,
            14 when name.SequenceEqual("is_block_trade"u8) => IsBlock,
            15 when name.SequenceEqual("taker_book_side"u8) => BookSide,
            16 when name.SequenceEqual("no_price_dollars"u8) => NoPrice,
            17 when name.SequenceEqual("yes_price_dollars"u8) => YesPrice,
            18 when name.SequenceEqual("taker_outcome_side"u8) => OutcomeSide,
            _ => 0,
        };
    }

    private static bool TryReadValue(
        ReadOnlySpan<byte> frame, uint key, ref int at, Message message, ref long seconds, ref long milliseconds)
    {
        long number;
        switch (key)
        {
            case Ts when WireScan.TryReadNumber(frame, ref at, out number):
                seconds = Times.FromSeconds(number);
                return true;
            case TsMs when WireScan.TryReadNumber(frame, ref at, out number):
                milliseconds = Times.FromMilliseconds(number);
                return true;
            case IsBlock:
                return TryReadFlag(frame, ref at, out message.IsBlockTrade);
            case Ts or TsMs:
                return false;
        }

        return WireScan.TryPass(frame, ref at, (byte)'"') && TryReadString(frame, key, ref at, message);
    }

    private static bool TryReadString(ReadOnlySpan<byte> frame, uint key, ref int at, Message message)
    {
        switch (key)
        {
            case TradeId:
                return TryReadText(frame, ref at, ref message._tradeId);
            case Ticker:
                return TryReadText(frame, ref at, ref message._ticker);
            case YesPrice:
                return WireScan.TryReadPrice(frame, ref at, out message.YesPrice);
            case NoPrice:
                return WireScan.TryReadPrice(frame, ref at, out message.NoPrice);
            case Count:
                return WireScan.TryReadQuantity(frame, ref at, out message.Count) && message.Count >= 0;
            case OldSide:
                return WireScan.TryReadSide(frame, ref at, out _);
            case OutcomeSide:
                return WireScan.TryReadSide(frame, ref at, out message.TakerSide);
            default:
                return TryReadBookSide(frame, ref at, out message.TakerBookSide);
        }
    }

    private static bool TryReadText(ReadOnlySpan<byte> frame, ref int at, ref TextBuffer target)
    {
        var isText = WireScan.TryReadText(frame, ref at, out var text) && text.Length > 0;
        target.Set(text);
        return isText;
    }

    private static bool TryReadBookSide(ReadOnlySpan<byte> frame, ref int at, out TakerBookSide side)
    {
        var rest = frame[at..];
        side = rest.StartsWith("bid\""u8) ? TakerBookSide.Bid : rest.StartsWith("ask\""u8) ? TakerBookSide.Ask : TakerBookSide.None;
        at += 4;
        return side != TakerBookSide.None;
    }

    private static bool TryReadFlag(ReadOnlySpan<byte> frame, ref int at, out sbyte flag)
    {
        var rest = frame[at..];
        flag = rest.StartsWith("true"u8) ? (sbyte)1 : rest.StartsWith("false"u8) ? (sbyte)0 : (sbyte)-1;
        at += flag == 1 ? 4 : 5;
        return flag >= 0;
    }
}
