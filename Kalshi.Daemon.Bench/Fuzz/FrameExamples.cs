using System.Text;

namespace Kalshi.Daemon.Bench.Fuzz;

/// <summary>Frames to start from, one or more of every type, old spellings and new; and values to put where values stand.</summary>
internal static class FrameExamples
{
    public static readonly byte[][] Frames = Bytes(
        """{"type":"orderbook_delta","sid":1,"seq":2146643,"msg":{"market_ticker":"KXFUZZ-26NOV231500-B1.5","market_id":"4f5c2e39-5132-4147-ba3f-b3485ad89427","price_dollars":"0.3200","delta_fp":"-46.02","side":"no","ts":"2026-11-23T14:00:40.722003Z","ts_ms":1795442440722},"sending_ts_ms":1795442440731}""",
        """{"type":"orderbook_delta","sending_ts_ms":1795442440731,"sid":1,"seq":3,"msg":{"delta_fp":"100.00","market_id":"0542596c-0742-4d21-9898-9427005cfa5a","market_ticker":"KXFUZZ-T70099.99","price_dollars":"1.0000","side":"yes","ts":"2026-11-23T14:00:40.7Z","ts_ms":1795442440700}}""",
        """{"type":"orderbook_delta","sid":1,"seq":3,"msg":{"market_ticker":"KXFUZZ-SD","market_id":"dda543e6-bd0c-4275-8814-a17f6ab61762","price":51,"delta":-1,"side":"no","ts":"2025-08-12T21:00:32.539836022Z"}}""",
        """{"type":"orderbook_snapshot","sid":1,"seq":7,"msg":{"market_ticker":"KXFUZZ-B1.5","market_id":"4f5c2e39-5132-4147-ba3f-b3485ad89427","yes_dollars_fp":[["0.0100","1406474.86"],["0.4300","0.01"]],"no_dollars_fp":[["0.0100","100.00"],["0.0200","2500.00"],["0.5400","7.50"]]}}""",
        """{"type":"orderbook_snapshot","id":2,"sid":1,"seq":417,"msg":{"market_id":"","market_ticker":"KXFUZZ-TIE"}}""",
        """{"type":"orderbook_snapshot","sid":2,"seq":2,"msg":{"market_ticker":"KXFUZZ-T3.00","market_id":"9b0f6b43-5b68-4f9f-9f02-9a2d1b8ac1a1","yes":[[8,300],[22,333]],"yes_dollars":[["0.080",300],["0.220",333]],"no":[[54,20],[56,146]],"no_dollars":null}}""",
        """{"type":"trade","sid":2,"seq":147562,"msg":{"trade_id":"f195de40-6a3f-418b-1a7e-9d89fee559c0","market_ticker":"KXFUZZ-B1.5","yes_price_dollars":"0.6800","no_price_dollars":"0.3200","count_fp":"46.02","taker_side":"yes","taker_outcome_side":"yes","taker_book_side":"bid","is_block_trade":false,"ts":1795442440,"ts_ms":1795442440722}}""",
        """{"type":"trade","sid":1,"seq":16,"msg":{"trade_id":"5b0276ef-7715-46f2-56d8-a1c7b9e59e58","market_ticker":"KXFUZZ-B80.5","yes_price":27,"no_price":73,"count":7,"taker_side":"yes","ts":1759350609}}""",
        """{"type":"ticker","sid":6,"msg":{"market_id":"4ac7cb26-aacc-420e-860e-5e7f054d8aa8","market_ticker":"KXFUZZ-XRP","price_dollars":"0.0100","yes_bid_dollars":"0.0000","yes_ask_dollars":"0.0100","volume_fp":"759.86","open_interest_fp":"666.18","dollar_volume":379,"dollar_open_interest":333,"yes_bid_size_fp":"0.00","yes_ask_size_fp":"78.00","last_trade_size_fp":"0.09","ts":1789966800,"ts_ms":1789966800000,"time":"2026-09-21T05:00:00Z"}}""",
        """{"type":"ticker","sid":1,"msg":{"market_id":"4ec1095a-e401-4898-b951-e5e9876d0afd","market_ticker":"KXFUZZ-2","price":0,"yes_bid":0,"yes_ask":3,"price_dollars":"","volume":0,"open_interest":0,"dollar_volume":0,"dollar_open_interest":0,"ts":1759351915,"Clock":4117569085}}""",
        """{"type":"market_lifecycle_v2","sid":3,"seq":4,"msg":{"market_ticker":"KXFUZZ-B1.5","open_ts":1795442440,"close_ts":1795449640,"additional_metadata":{"name":"Ü {1}","title":"\"rain\"?","custom_strike":{"x":[1,2,{"y":null}]}},"event_type":"created"}}""",
        """{"type":"multivariate_market_lifecycle","sid":4,"seq":4,"msg":{"market_ticker":"KXMVE-S2026-A","settled_ts":1795442440,"event_type":"settled"}}""",
        """{"type":"event_lifecycle","sid":3,"seq":8,"msg":{"event_ticker":"KXFUZZ-26NOV","title":"?","series_ticker":"KXFUZZ"}}""",
        """{"type":"event_fee_update","sid":3,"seq":9,"msg":{"event_ticker":"KXFUZZ-26NOV","fee_type_override":null,"fee_multiplier_override":1.5}}""",
        """{"type":"subscribed","id":2,"msg":{"channel":"orderbook_delta","sid":5}}""",
        """{"type":"ok","id":6,"sid":1,"seq":1,"msg":{"market_tickers":["KXFUZZ-A","KXFUZZ-B"]}}""",
        """{"id":3,"type":"ok","msg":[{"channel":"orderbook_delta","sid":1},{"channel":"ticker","sid":2}]}""",
        """{"id":102,"sid":2,"seq":7,"type":"unsubscribed"}""",
        """{"type":"error","id":127,"sid":3,"seq":2,"msg":{"code":26,"msg":"Subscription market limit exceeded","market_ticker":"KXFUZZ-A"}}""",
        """{"type":"pyth_value","sid":9,"seq":42,"msg":{"underlying_ticker":"Metal.XAU/USD","value_usd":"2365.1","price":1e400}}""");

    public static readonly byte[][] Values = Bytes(
        "0", "1", "-1", "-0", "01", "51", "100", "101", "1.0", "1e5", "-46.02", "2147483647", "2147483648", "9007199254740993", "99999999999999999", "92233720368547758.07",
        "999999999999999999999999", "1795442440", "1795442440722", "1795442440723", "253402300800", "null", "true", "false", "[]", "{}", "[[]]", "[[\"0.1\",\"1\"]]",
        "[[8,300],[8,1]]", "[[\"0.99\",\"1.00\"],[\"0.01\",\"2.00\"]]", "{\"a\":[{\"b\":\"}\"}]}", "\"\"", "\"yes\"", "\"no\"", "\"n\\u006f\"", "\"bid\"", "\"ask\"", "\"0.3200\"",
        "\"0.32\"", "\"1.0001\"", "\"0.0000001\"", "\"-0.0100\"", "\"0.00\"", "\"-0.01\"", "\"1e-1\"", "\" 1\"", "\"92233720368547758.08\"", "\"}\"", "\"},\"", "\"\\\"}\"", "\"\\\\\"",
        "\"\\ud83d\\ude00\"", "\"\\ud83d\"", "\"é\"", "\"\\/\"", "\"\\x\"", "\"\t\"", "\"trade\"", "\"orderbook_delta\"", "\"orderbook_snapshot\"", "\"ticker\"", "\"ok\"",
        "\"2026-11-23T14:00:40.722003Z\"", "\"2026-02-29T14:00:40Z\"", "\"2026-11-23T14:00:40.7220031234Z\"", "\"2026-11-23T23:59:60Z\"", "\"2026-11-23T14:00:40+05:30\"",
        "\"0000-00-00T00:00:00Z\"", "\"4F5C2E39-5132-4147-BA3F-B3485AD89427\"", "\"4f5c2e39-5132-4147-ba3f-b3485ad8942g\"");

    public static readonly byte[][] Keys = Bytes(
        "type", "sid", "seq", "id", "msg", "sending_ts_ms", "market_ticker", "market_id", "price_dollars", "price", "delta_fp", "delta", "side", "ts", "ts_ms", "time",
        "yes_dollars_fp", "no_dollars_fp", "yes_dollars", "no_dollars", "yes", "no", "trade_id", "yes_price_dollars", "no_price_dollars", "yes_price", "no_price", "count_fp",
        "count", "taker_side", "taker_outcome_side", "taker_book_side", "is_block_trade", "yes_bid_dollars", "yes_ask_dollars", "volume_fp", "event_type", "event_ticker",
        "channel", "code", "ticker", "created_time", "s\\u0069d", "new_field", "", "}", "a\\\"b");

    private static byte[][] Bytes(params string[] texts) => Array.ConvertAll(texts, Encoding.UTF8.GetBytes);
}
