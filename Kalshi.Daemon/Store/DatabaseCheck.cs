using System.Globalization;
using Kalshi.Daemon.Primitives;
using Npgsql;

namespace Kalshi.Daemon.Store;

/// <summary>A database's lines of `kalshid check`, each ok or what to do; with `--migrate`, also what it changed.</summary>
internal sealed class DatabaseCheck
{
    private const int ServerVersionMin = 150_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly CheckedDatabase _checked;
    private readonly StoreDatabase _database;
    private readonly NpgsqlConnection _connection;
    private readonly Action<string, bool, string> _say;

    private DatabaseCheck(CheckedDatabase @checked, StoreDatabase database, NpgsqlConnection connection, Action<string, bool, string> say)
    {
        _checked = @checked;
        _database = database;
        _connection = connection;
        _say = say;
    }

    /// <summary>The gatherer's store.</summary>
    public static Task StoreAsync(Options options, bool migrate, Action<string, bool, string> say) =>
        RunAsync(CheckedDatabase.Store(options), migrate, say, async check =>
        {
            await check.TimescaleAsync(options.StoreDirectCompress);
            await check.RolesAsync();
            await check.RightsAsync();
            await check.LoaderAsync();
            await check.SizeAsync();
        });

    public static Task ProductionAsync(Options options, bool migrate, Action<string, bool, string> say) =>
        RunAsync(CheckedDatabase.Production(options), migrate, say, async check =>
        {
            await check.TimescaleAsync(directCompress: false);
            await check.RolesAsync();
            await check.RightsAsync();
            await check.MergeAsync();
            await check.SizeAsync();
        });

    /// <summary>One line of a gatherer's store that dedup reads.</summary>
    public static async Task GathererAsync(GathererDsn gatherer, TimeSpan timeout, Action<string, bool, string> say)
    {
        using var database = new StoreDatabase(gatherer.Dsn, Sooner(timeout), gatherer.Setting);
        await ExplainAsync(database, () => "gatherer", say, async () =>
        {
            await using var connection = await database.OpenAsync(CancellationToken.None);
            var version = await Migrations.Gatherer.KnownVersionAsync(database, connection);
            if (version < Migrations.Gatherer.Latest)
            {
                say("gatherer", false, version == 0 ? $"{gatherer.Name}: {database.Name} holds no store yet: let kalshid gather fill it first"
                    : $"{gatherer.Name}: the schema in {database.Name} has version {version}, dedup reads {Migrations.Gatherer.Latest}: let kalshid gather of this version bring it up to date");
                return;
            }

            await using var command = new NpgsqlCommand("select has_function_privilege('kalshid.publish_cursor(text, timestamptz)', 'execute') and has_table_privilege('kalshid.orderbook_deltas', 'select'), current_user::text", connection);
            await using var reader = await command.ExecuteReaderAsync();
            await reader.ReadAsync();
            var isAllowed = reader.GetBoolean(0);
            say("gatherer", isAllowed, isAllowed ? $"{gatherer.Name}: {database.Name}"
                : $"{gatherer.Name}: {reader.GetString(1)} may not read {database.Name} as dedup does; as its owner: grant kalshid_dedup to {Quoted(reader.GetString(1))};");
        });
    }

    private static async Task RunAsync(CheckedDatabase @checked, bool migrate, Action<string, bool, string> say, Func<DatabaseCheck, Task> look)
    {
        using var database = new StoreDatabase(@checked.Dsn, Sooner(@checked.Timeout), @checked.Setting);
        var step = @checked.Name;
        await ExplainAsync(database, () => step, say, async () =>
        {
            await using var connection = await database.OpenAsync(CancellationToken.None);
            step = "schema";
            var check = new DatabaseCheck(@checked, database, connection, say);
            if (await check.ServerAsync() && (!migrate || await check.MigrateAsync()) && await check.SchemaAsync())
            {
                await look(check);
            }
        });
    }

    private static async Task ExplainAsync(StoreDatabase database, Func<string> step, Action<string, bool, string> say, Func<Task> look)
    {
        try
        {
            await look();
        }
        catch (SetupException e)
        {
            say(step(), false, e.Message);
        }
        catch (Exception e) when (StoreDatabase.IsFailure(e))
        {
            say(step(), false, database.Explain(e));
        }
    }

    private static TimeSpan Sooner(TimeSpan timeout) => timeout < Patience ? timeout : Patience;

    private async Task<bool> ServerAsync()
    {
        var version = await ValueAsync<int>("select current_setting('server_version_num')::int");
        var isNewEnough = version >= ServerVersionMin;
        _say(_checked.Name, isNewEnough, $"{_database.Name}, PostgreSQL {_connection.PostgreSqlVersion}{(isNewEnough ? "" : ": kalshid needs 15 or newer")}");
        return isNewEnough;
    }

    private async Task<bool> MigrateAsync()
    {
        try
        {
            var migrations = _checked.Migrations;
            var before = await migrations.KnownVersionAsync(_database, _connection);
            var applied = await migrations.ApplyAsync(_database, _checked.Timescale);
            if (applied == 0 && await IsOwnerAsync())
            {
                await Migrations.GrantRolesAsync(_connection);
            }

            var files = string.Join(", ", migrations.All.Skip(before).Select(file => file.Name));
            _say("migrate", true, applied == 0 ? "nothing to do" : $"schema {(before == 0 ? "created" : $"upgraded from version {before}")}: {files}");
            return true;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            _say("migrate", false, $"{e.MessageText}: run this as the database's owner, or let it: grant create on database {Quoted(_connection.Database)} to {Quoted(await UserAsync())};");
            return false;
        }
    }

    private async Task<bool> SchemaAsync()
    {
        var latest = _checked.Migrations.Latest;
        var version = await _checked.Migrations.KnownVersionAsync(_database, _connection);
        if (version == latest)
        {
            _say("schema", true, $"version {version}");
            return true;
        }

        var isAllowed = version == 0 ? await ValueAsync<bool>("select has_database_privilege(current_database(), 'create')") : await IsOwnerAsync();
        _say("schema", isAllowed, (version, isAllowed) switch
        {
            (0, true) => $"none yet: {_checked.Creates} it, or kalshid check --migrate",
            (0, false) => $"none, and this user may not create it: run kalshid check --migrate as the database's owner, or grant create on database {Quoted(_connection.Database)} to {Quoted(await UserAsync())};",
            (_, true) => $"version {version}: {_checked.Upgrades} it to {latest}, or kalshid check --migrate",
            _ => $"version {version}, and this user may not bring it to {latest}: run kalshid check --migrate as the schema's owner",
        });
        return false;
    }

    private async Task TimescaleAsync(bool directCompress)
    {
        var installed = await TextAsync("select extversion from pg_extension where extname = 'timescaledb'");
        var isUsed = await Migrations.IsTimescaleAsync(_connection, CancellationToken.None);
        var isWanted = _checked.Timescale == "on";
        _say("timescale", isUsed || !isWanted, (isUsed, installed) switch
        {
            (true, _) => $"{installed}, in use{(directCompress && !await HasDirectCompressAsync() ? "; store.direct_compress has no effect before 2.21" : "")}",
            (false, null) => isWanted ? $"{_checked.TimescaleSetting} is on, and this {_checked.Name} was made without it: {_checked.Refill}" : "not in this database: native partitions",
            (false, _) => $"{installed} is there, but this {_checked.Name} was made with native partitions{(isWanted ? $": {_checked.Refill}" : "")}",
        });
    }

    private Task<bool> HasDirectCompressAsync() => ValueAsync<bool>("select kalshid.timescale_version() >= 2021");

    private async Task RolesAsync()
    {
        var missing = await TextAsync(
            $"""
            select string_agg(format('create role %I nologin;', r), ' ' order by r)
            from unnest(array[{string.Join(", ", _checked.Roles.Select(StoreReader.Spell))}]) r where not exists (select from pg_roles where rolname = r)
            """);
        _say("roles", true, missing is null
            ? $"{string.Join(", ", _checked.Roles[..^1])} and {_checked.Roles[^1]}: grant them to logins"
            : $"not all there; logins can share the database without them by owning it, or, as a role that may: {missing} Then kalshid check --migrate as the schema's owner.");
    }

    private async Task RightsAsync()
    {
        var user = await UserAsync();
        var isMissing = await TextAsync(
            """
            select case
                when not has_schema_privilege('kalshid', 'usage') or not has_table_privilege('kalshid.orderbook_deltas', 'insert') then 'grant kalshid_writer to '
                when not has_function_privilege('kalshid.make_partitions(timestamptz, timestamptz, boolean)', 'execute') then 'grant kalshid_writer to '
                when not has_database_privilege(current_database(), 'temporary') then format('grant temporary on database %I to ', current_database())
            end
            """);
        _say("rights", isMissing is null, isMissing is null ? $"{user} may {_checked.May}, make partitions and drop them"
            : $"{user} may not {_checked.May} {(_checked.May == "load" ? "this store" : "into this database")}; as its owner: {isMissing}{Quoted(user)};");
    }

    private async Task LoaderAsync()
    {
        await using var command = new NpgsqlCommand("select position, extract(epoch from clock_timestamp() - position)::float8, stopped_at is not distinct from position from kalshid.cursors, kalshid.store where name = 'loader' and position > to_timestamp(0)", _connection);
        await using var reader = await command.ExecuteReaderAsync();
        _say("loader", true, !await reader.ReadAsync() ? "nothing is loaded yet"
            : $"holds everything up to {Micros.Format(reader.GetTime(0))}, {Age(reader.GetDouble(1))} ago{(reader.GetBoolean(2) ? ", when the gatherer stopped" : "")}");
    }

    private async Task MergeAsync()
    {
        await using var command = new NpgsqlCommand("select watermark, extract(epoch from clock_timestamp() - watermark)::float8 from kalshid.store where watermark is not null", _connection);
        await using var reader = await command.ExecuteReaderAsync();
        _say("merge", true, !await reader.ReadAsync() ? "nothing is merged yet"
            : $"holds what gatherers received up to {Micros.Format(reader.GetTime(0))}, {Age(reader.GetDouble(1))} ago");
    }

    private async Task SizeAsync() => _say("size", true,
        $"{await TextAsync("select pg_size_pretty(pg_database_size(current_database()))")}; PostgreSQL does not tell how much room its disk has left");

    private static string Age(double seconds) => Units.FormatDuration(TimeSpan.FromSeconds(Math.Round(Math.Max(0, seconds))));

    /// <summary>Whether this user may change the schema.</summary>
    private Task<bool> IsOwnerAsync() => ValueAsync<bool>("select coalesce((select pg_has_role(nspowner, 'usage') from pg_namespace where nspname = 'kalshid'), false)");

    private async Task<string> UserAsync() => (await TextAsync("select current_user::text"))!;

    private static string Quoted(string name) =>
        name.All(letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) || letter == '_') ? name : $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private async Task<T> ValueAsync<T>(string sql)
        where T : struct => (T)Convert.ChangeType(await ScalarAsync(sql), typeof(T), CultureInfo.InvariantCulture)!;

    private async Task<string?> TextAsync(string sql) => await ScalarAsync(sql) as string;

    private async Task<object?> ScalarAsync(string sql)
    {
        await using var command = new NpgsqlCommand(sql, _connection);
        return await command.ExecuteScalarAsync();
    }
}
