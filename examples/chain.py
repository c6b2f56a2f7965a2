"""z = f(f(f(x))) differentiated three times; `symdiff demo` runs it too."""

from symdiff.demo.chain import main

if __name__ == "__main__":
    main("drawings")
