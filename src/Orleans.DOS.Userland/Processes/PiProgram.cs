using System.Globalization;
using System.Text;

namespace Orleans.DOS.Processes;

/// <summary><c>pi [DIGITS]</c>: the digits of pi (1000 by default) by Machin's formula.</summary>
[Program("pi", Summary = "computes digits of pi")]
public sealed class PiProgram : IProgram
{
    private const int DigitsMax = 100_000;

    public async Task<int> RunAsync(IProgramContext context)
    {
        var digits = 1000;
        if (context.Arguments.Count > 1
            || (context.Arguments.Count == 1
                && (!int.TryParse(context.Arguments[0], NumberStyles.None, CultureInfo.InvariantCulture, out digits) || digits is < 1 or > DigitsMax)))
        {
            return await context.UsageAsync("pi [DIGITS]", $"DIGITS is a number from 1 to {DigitsMax}");
        }
        var pi = Digits(digits, context.Terminating);
        await context.StandardOutput.WriteAsync(Encoding.ASCII.GetBytes($"3{(digits > 1 ? "." + pi[1..] : "")}\n"), context.Terminating);
        return 0;
    }

    /// <summary>Machin's formula in integers with ten guard digits: pi = 16 arctan(1/5) - 4 arctan(1/239).</summary>
    private static string Digits(int count, CancellationToken terminating)
    {
        var one = System.Numerics.BigInteger.Pow(10, count + 10);
        var pi = (16 * InverseTangent(5, one, terminating)) - (4 * InverseTangent(239, one, terminating));
        return pi.ToString(CultureInfo.InvariantCulture)[..count];
    }

    private static System.Numerics.BigInteger InverseTangent(int x, System.Numerics.BigInteger one, CancellationToken terminating)
    {
        var power = one / x;
        var sum = power;
        for (var n = 3; !power.IsZero; n += 2)
        {
            terminating.ThrowIfCancellationRequested();
            power /= -x * x;
            sum += power / n;
        }
        return sum;
    }
}
