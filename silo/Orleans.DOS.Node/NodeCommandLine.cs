using System.Globalization;
using System.Net;
using Orleans.DOS.Server;

namespace Orleans.DOS.Node;

/// <summary>Options of the node's executable: <c>--name value</c>, or the name alone for a switch.</summary>
internal static class NodeCommandLine
{
    /// <summary>Only bring the schema up, see <see cref="DosSchema"/>.</summary>
    public const string MigrateOnly = "--migrate-only";

    /// <summary>
    /// What the environment says (<c>DOS_POSTGRES</c>, <c>DOS_KEYS</c>: secrets and where they are, which a command line would show to
    /// everyone on the host), then the arguments, which win.
    /// </summary>
    /// <exception cref="DosException">InvalidArgument, with a sentence that names the option.</exception>
    public static void Apply(string[] arguments, DosNodeOptions options)
    {
        options.Postgres = FromEnvironment("DOS_POSTGRES") ?? options.Postgres;
        options.KeysDirectory = FromEnvironment("DOS_KEYS") ?? options.KeysDirectory;
        for (var index = 0; index < arguments.Length; index++)
        {
            var name = arguments[index];
            if (name is "--no-migrate" or MigrateOnly)
            {
                options.Migrate = name == MigrateOnly;
                continue;
            }
            if (Setter(name, options) is not { } set)
            {
                throw Wrong($"there is no option '{name}'");
            }
            if (++index == arguments.Length)
            {
                throw Wrong($"{name} needs a value");
            }
            set(arguments[index]);
        }
    }

    private static Action<string>? Setter(string name, DosNodeOptions options) => name switch
    {
        "--data" => value => options.DataDirectory = value,
        "--name" => value => options.Name = value,
        "--silo-port" => value => options.SiloPort = Number(name, value),
        "--gateway-port" => value => options.GatewayPort = Number(name, value),
        "--http-port" => value => options.HttpPort = Number(name, value),
        "--postgres" => value => options.Postgres = value,
        "--nodes-declared" => value => options.NodesDeclared = Number(name, value),
        "--cpus" => value => options.Cpus = double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var cpus)
            ? cpus
            : throw Wrong($"{name} must be a number of cores, not '{value}'"),
        "--listen" => value => options.Listen = IPAddress.TryParse(value, out var address)
            ? address
            : throw Wrong($"{name} must be an IP address, not '{value}'"),
        "--label" => value =>
        {
            var (key, text) = value.Split('=', 2) is [var left, var right] ? (left, right) : throw Wrong($"{name} must be key=value, not '{value}'");
            options.Labels[key] = text;
        },
        "--route" => options.Routes.Add,
        _ => null,
    };

    private static string? FromEnvironment(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    private static int Number(string name, string value) => int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number
        : throw Wrong($"{name} must be a number, not '{value}'");

    private static DosException Wrong(string sentence) => new(DosErrorCode.InvalidArgument, sentence);
}
