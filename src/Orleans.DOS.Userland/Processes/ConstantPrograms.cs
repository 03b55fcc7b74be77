namespace Orleans.DOS.Processes;

[Program("true", Summary = "ends with code 0")]
public sealed class TrueProgram : IProgram
{
    public Task<int> RunAsync(IProgramContext context) => Task.FromResult(0);
}

[Program("false", Summary = "ends with code 1")]
public sealed class FalseProgram : IProgram
{
    public Task<int> RunAsync(IProgramContext context) => Task.FromResult(1);
}
