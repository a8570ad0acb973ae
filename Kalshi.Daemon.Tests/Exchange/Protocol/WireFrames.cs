using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Tests.Exchange.Protocol;

/// <summary>Frames of every type in the spelling of November 2026, made up here, and ways to respell them.</summary>
internal static class WireFrames
{
    public const string Delta =
        """{"type":"orderbook_delta","sid":1,"seq":2146643,"msg":{"market_ticker":"KXTEST-26NOV231500-B1.5","market_id":"4f5c2e39-5132-4147-ba3f-b3485ad89427","price_dollars":"0.3200","delta_fp":"-46.02","side":"no","ts":"2026-11-23T14:00:40.722003Z","ts_ms":1795442440722},"sending_ts_ms":1795442440731}""";

    public const string Snapshot =
        """{"type":"orderbook_snapshot","sid":1,"seq":7,"msg":{"market_ticker":"KXTEST-26NOV231500-B1.5","market_id":"4f5c2e39-5132-4147-ba3f-b3485ad89427","yes_dollars_fp":[["0.0100","1406474.86"],["0.4300","0.01"]],"no_dollars_fp":[["0.0100","100.00"],["0.0200","2500.00"],["0.5400","7.50"]]}}""";

    public const string EmptySnapshot =
        """{"type":"orderbook_snapshot","id":2,"sid":1,"seq":417,"msg":{"market_id":"","market_ticker":"KXTEST-26NOV231500-B1.5"}}""";

    public const string Trade =
        """{"type":"trade","sid":2,"seq":147562,"msg":{"trade_id":"f195de40-6a3f-418b-1a7e-9d89fee559c0","market_ticker":"KXTEST-26NOV231500-B1.5","yes_price_dollars":"0.6800","no_price_dollars":"0.3200","count_fp":"46.02","taker_side":"yes","taker_outcome_side":"yes","taker_book_side":"bid","is_block_trade":false,"ts":1795442440,"ts_ms":1795442440722}}""";

    public const string Ticker =
        """{"type":"ticker","sid":6,"msg":{"market_id":"4ac7cb26-aacc-420e-860e-5e7f054d8aa8","market_ticker":"KXTEST-26NOV231500-B1.5","price_dollars":"0.0100","yes_bid_dollars":"0.0000","yes_ask_dollars":"0.0100","volume_fp":"759.86","open_interest_fp":"666.18","dollar_volume":379,"dollar_open_interest":-3,"yes_bid_size_fp":"0.00","yes_ask_size_fp":"78.00","last_trade_size_fp":"0.09","ts":1795442440,"ts_ms":1795442440880,"time":"2026-11-23T14:00:40.880123Z"}}""";

    public const string Lifecycle =
        """{"type":"market_lifecycle_v2","sid":3,"seq":4,"msg":{"market_ticker":"KXTEST-26NOV231500-B1.5","exchange_index":0,"open_ts":1795442440,"close_ts":1795449640,"additional_metadata":{"name":"Über {1}","title":"Will it \"rain\"?","rules_primary":"a\\b","custom_strike":{"x":[1,2,{"y":null}]}},"event_type":"created","price_level_structure":"deci_cent"}}""";

    public const string ComboLifecycle =
        """{"type":"multivariate_market_lifecycle","sid":4,"seq":4,"msg":{"market_ticker":"KXMVE-S2026-A","settled_ts":1795442440,"event_type":"settled"}}""";

    public const string EventLifecycle =
        """{"type":"event_lifecycle","sid":3,"seq":8,"msg":{"event_ticker":"KXTEST-26NOV","exchange_index":0,"title":"?","subtitle":"","collateral_return_type":"MECNET","series_ticker":"KXTEST"}}""";

    public const string FeeUpdate =
        """{"type":"event_fee_update","sid":3,"seq":9,"msg":{"event_ticker":"KXTEST-26NOV","fee_type_override":null,"fee_multiplier_override":null}}""";

    public const string Subscribed = """{"type":"subscribed","id":2,"msg":{"channel":"orderbook_delta","sid":5}}""";

    public const string Ok = """{"type":"ok","id":6,"sid":1,"seq":1,"msg":{"market_tickers":["KXTEST-A","KXTEST-B"]}}""";

    public const string OkList = """{"id":3,"type":"ok","msg":[{"channel":"orderbook_delta","sid":1},{"channel":"ticker","sid":2}]}""";

    public const string Unsubscribed = """{"id":102,"sid":2,"seq":7,"type":"unsubscribed"}""";

    public const string Error = """{"type":"error","id":127,"sid":3,"seq":2,"msg":{"code":26,"msg":"Subscription market limit exceeded","market_ticker":"KXTEST-A"}}""";

    public const string Unknown = """{"type":"pyth_value","sid":9,"seq":42,"msg":{"underlying_ticker":"Metal.XAU/USD","value_usd":"2365.1","price":1e400}}""";

    public static readonly string[] All =
        [Delta, Snapshot, EmptySnapshot, Trade, Ticker, Lifecycle, ComboLifecycle, EventLifecycle, FeeUpdate, Subscribed, Ok, OkList, Unsubscribed, Error, Unknown];

    public static byte[] Bytes(string frame) => Encoding.UTF8.GetBytes(frame);

    /// <summary>`frame` with `change` made to its `msg`.</summary>
    public static string With(string frame, Action<JsonObject> change)
    {
        var node = JsonNode.Parse(frame)!.AsObject();
        change(node["msg"]!.AsObject());
        return node.ToJsonString(Relaxed);
    }

    /// <summary>`frame` with the raw text of one value of `msg` replaced, for values that no serializer would write.</summary>
    public static string WithRaw(string frame, string key, string rawValue)
    {
        var changed = With(frame, msg => msg[key] = "\u0001");
        return changed.Replace("\"\\u0001\"", rawValue, StringComparison.Ordinal);
    }

    public static readonly JsonSerializerOptions Relaxed = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The object's keys in the given order.</summary>
    public static JsonObject Reorder(JsonObject source, IEnumerable<int> order)
    {
        var pairs = source.ToArray();
        return new JsonObject(order.Select(index => KeyValuePair.Create(pairs[index].Key, pairs[index].Value?.DeepClone())));
    }

    public static IEnumerable<int[]> Permutations(int count)
    {
        if (count == 0)
        {
            yield return [];
            yield break;
        }

        foreach (var rest in Permutations(count - 1))
        {
            for (var at = 0; at <= rest.Length; at++)
            {
                yield return [.. rest[..at], count - 1, .. rest[at..]];
            }
        }
    }

    /// <summary>Everything a message says, for comparing two decodes.</summary>
    public static string Describe(Message message, bool withPayload = true)
    {
        var text = new StringBuilder();
        text.Append($"{message.Type} sid {message.Sid} seq {message.Seq} id {message.Id} sent {message.SentAt} at {message.ExchangeAt} ");
        text.Append($"ticker '{Text(message.Ticker)}' event '{Text(message.EventTicker)}' {Text(message.EventType)} market {message.MarketId} ");
        text.Append(withPayload ? $"payload {message.Payload} " : "");
        text.Append(message.Type switch
        {
            FrameType.OrderbookDelta => $"{message.Side} {message.Price} {message.Delta}",
            FrameType.OrderbookSnapshot => $"yes {string.Join(';', message.Yes.ToArray())} no {string.Join(';', message.No.ToArray())}",
            FrameType.Trade => $"{Text(message.TradeId)} {message.YesPrice} {message.NoPrice} {message.Count} {message.TakerSide} {message.TakerBookSide} {message.IsBlockTrade}",
            FrameType.Ticker => $"{message.LastPrice} {message.YesBid} {message.YesAsk} {message.YesBidSize} {message.YesAskSize} {message.LastTradeSize} "
                + $"{message.Volume} {message.OpenInterest} {message.DollarVolume} {message.DollarOpenInterest}",
            FrameType.Subscribed or FrameType.Error => $"{Text(message.Channel)} {message.ErrorCode} {Text(message.ErrorText)}",
            _ => "",
        });
        return text.ToString();
    }

    public static string Text(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8);
}
