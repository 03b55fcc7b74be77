using System.Globalization;
using System.Net;
using Orleans.DOS.Server;

namespace Orleans.DOS.Node;

/// <summary>Options of the node's executable: <c>--name value</c>, or the name alone for a switch.</summary>
internal static class NodeCommandLine
{
    /// <exception cref="DosException">InvalidArgument, with a sentence that names the option.</exception>
    public static void Apply(string[] arguments, DosNodeOptions options)
    {
        for (var index = 0; index < arguments.Length; index++)
        {
            var name = arguments[index];
            if (name == "--no-migrate")
            {
                options.Migrate = false;
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
        _ => null,
    };

    private static int Number(string name, string value) => int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number
        : throw Wrong($"{name} must be a number, not '{value}'");

    private static DosException Wrong(string sentence) => new(DosErrorCode.InvalidArgument, sentence);
}
